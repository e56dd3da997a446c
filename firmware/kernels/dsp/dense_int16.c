#include "dsp/dense_int16.h"

#include <string.h>

#include "dsp/tiles16.h"
#include "ep_fixed_point.h"

#define ROWS 6

static int16_t scaled(const ep_dense_int16_dsp_t *layer, int32_t o, int32_t sum)
{
    const int64_t product = (int64_t)sum * layer->high[o] + (((int64_t)sum * layer->low[o]) >> 32);
    const int32_t half = 1 << layer->shift[o] >> 1;
    const int32_t real = ((int32_t)(product >> 32) + half) >> layer->shift[o];
    return (int16_t)ep_clamp(real, layer->out_min, layer->out_max);
}

void ep_dense_int16_dsp(const ep_dense_int16_dsp_t *layer, const int16_t *in, int16_t *out, void *scratch)
{
    const uint32_t pairs = (layer->in_len + 1U) / 2U;
    for (int32_t n = 0; n < layer->rows; n++, in += layer->in_len) {
        const int16_t *x = in;
        if ((layer->in_len & 1U) != 0U) {
            int16_t *const even = scratch;
            (void)memcpy(even, in, 2U * layer->in_len);
            even[layer->in_len] = 0;
            x = even;
        }
        const uint32_t *weights = layer->weights;
        for (int32_t o = 0; o < layer->out_len; o += ROWS, weights += ROWS / 2U * pairs) {
            int32_t acc[ROWS];
            for (int32_t i = 0; i < ROWS; i++) {
                acc[i] = layer->bias[o + i];
            }
            ep_rows16(x, weights, pairs, acc);
            for (int32_t i = 0; i < ROWS && o + i < layer->out_len; i++) {
                *out++ = scaled(layer, o + i, acc[i]);
            }
        }
    }
}
