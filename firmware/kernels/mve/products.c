#include "mve/products.h"

#include <arm_mve.h>

void ep_multiply_mve(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc)
{
    const int8_t *row = weights;
    for (uint32_t fours = (rows + 3U) / 4U; fours != 0U; fours--, row += 4U * len) {
        const int8_t *value = x;
        const int8_t *first = row;
        int32_t a = 0;
        int32_t b = 0;
        int32_t c = 0;
        int32_t d = 0;
        for (uint32_t left = len; left != 0U;) {
            const uint32_t now = left < 16U ? left : 16U;
            const mve_pred16_t active = vctp8q(now);
            const int8x16_t inputs = vldrbq_z_s8(value, active);
            a = vmladavaq_s8(a, inputs, vldrbq_z_s8(first, active));
            b = vmladavaq_s8(b, inputs, vldrbq_z_s8(first + len, active));
            c = vmladavaq_s8(c, inputs, vldrbq_z_s8(first + 2U * len, active));
            d = vmladavaq_s8(d, inputs, vldrbq_z_s8(first + 3U * len, active));
            value += now;
            first += now;
            left -= now;
        }
        *acc++ = a;
        *acc++ = b;
        *acc++ = c;
        *acc++ = d;
    }
}
