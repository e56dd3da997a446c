#include "ep_dense.h"

#include <stddef.h>

#include "ep_fixed_point.h"

void ep_dense_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out)
{
    for (uint32_t n = 0; n < layer->rows; n++, in += layer->in_len) {
        const int8_t *weight = layer->weights;
        for (uint32_t o = 0; o < layer->out_len; o++, weight += layer->in_len) {
            int32_t acc = layer->bias != NULL ? layer->bias[o] : 0;
            for (uint32_t i = 0; i < layer->in_len; i++) {
                acc += (in[i] - layer->in_zero) * (weight[i] - layer->weight_zero);
            }
            const uint32_t scale = o * layer->scale_step;
            acc = ep_requant_once(acc, layer->multiplier[scale], layer->shift[scale]) + layer->out_zero;
            *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
        }
    }
}
