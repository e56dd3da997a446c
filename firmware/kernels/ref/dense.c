#include "ep_dense.h"

#include <stddef.h>

#include "ep_fixed_point.h"
#include "ep_weight.h"

EP_INLINE void dense(const ep_dense_t *layer, const int8_t *in, int8_t *out, ep_weight_t weight)
{
    for (int32_t n = 0; n < layer->rows; n++, in += layer->in_len) {
        for (int32_t o = 0; o < layer->out_len; o++) {
            uint32_t sum = layer->bias != NULL ? (uint32_t)layer->bias[o] : 0U;
            for (int32_t i = 0; i < layer->in_len; i++) {
                sum += (uint32_t)((in[i] - layer->in_zero) *
                                  (weight(layer->weights, o * layer->in_len + i) - layer->weight_zero));
            }
            const int32_t scale = o * layer->scale_step;
            const int32_t acc = ep_requant_once((int32_t)sum, layer->multiplier[scale], layer->shift[scale]) +
                                layer->out_zero;
            *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
        }
    }
}

void ep_dense_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out)
{
    dense(layer, in, out, ep_weight_int8);
}

void ep_dense_int4_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out)
{
    dense(layer, in, out, ep_weight_int4);
}
