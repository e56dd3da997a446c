#include "ep_negate.h"

void ep_negate_int16_ref(const int16_t *in, int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (int16_t)(uint16_t)-in[i];
    }
}
