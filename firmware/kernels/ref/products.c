#include "ep_products.h"

void ep_multiply_ref(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc)
{
    const int8_t *weight = weights;
    const int8_t *const values = x;
    for (; rows != 0U; rows--) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < len; i++) {
            sum += *weight++ * values[i];
        }
        *acc++ = sum;
    }
}
