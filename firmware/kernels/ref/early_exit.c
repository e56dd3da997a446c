#include "ep_early_exit.h"

uint32_t ep_margin_ref(const int8_t *answer, uint32_t count)
{
    int32_t first = answer[0];
    int32_t second = INT8_MIN;
    for (uint32_t i = 1; i < count; i++) {
        int32_t value = answer[i];
        if (value > first) {
            second = first;
            first = value;
        } else if (value > second) {
            second = value;
        }
    }
    return (uint32_t)(first - second);
}
