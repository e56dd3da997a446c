#include "ep_dense_int16.h"

#include <stddef.h>

#include "ep_fixed_point.h"

/* To the nearest integer, halves away from zero; all beyond +-2^30 are one. */
static int32_t rounded(double x)
{
    const double end = 1073741824.0;
    const double near = x > end ? end : (x > -end ? x : -end);
    const int32_t whole = (int32_t)near;
    const double rest = near - (double)whole;
    return whole + (rest >= 0.5 ? 1 : 0) - (rest <= -0.5 ? 1 : 0);
}

void ep_dense_int16_ref(const ep_dense_int16_t *layer, const int16_t *in, int16_t *out)
{
    for (int32_t n = 0; n < layer->rows; n++, in += layer->in_len) {
        const int8_t *weight = layer->weights;
        for (int32_t o = 0; o < layer->out_len; o++) {
            int64_t products = 0;
            for (int32_t i = 0; i < layer->in_len; i++) {
                products += in[i] * *weight++;
            }
            const uint64_t sum = (uint64_t)products + (layer->bias != NULL ? (uint64_t)layer->bias[o] : 0U);
            const double exact = layer->is_wide != 0 ? (double)(int64_t)sum : (double)(int32_t)(uint32_t)sum;
            const int32_t real = rounded(exact * layer->factor[o * layer->scale_step]);
            *out++ = (int16_t)ep_clamp(real, layer->out_min, layer->out_max);
        }
    }
}
