#include "ep_svdf.h"

#include <stddef.h>
#include <string.h>

#include "ep_fixed_point16.h"

/* Puts the new feature of one filter behind the older ones; the sum over time. */
static int32_t filter_sum(const ep_svdf_t *layer, int32_t filter, const int8_t *in, int16_t *memory)
{
    const int8_t *weights = layer->feature_weights + filter * layer->in_len;
    const int16_t *times = layer->time_weights + filter * layer->memory_len;
    int32_t acc = 0;
    for (int32_t k = 0; k < layer->in_len; k++) {
        acc += (in[k] - layer->in_zero) * weights[k];
    }
    (void)memmove(memory, memory + 1, ((uint32_t)layer->memory_len - 1U) * sizeof memory[0]);
    acc = ep_saturate16(ep_requant(acc, layer->feature_multiplier, layer->feature_shift));
    memory[layer->memory_len - 1] = (int16_t)acc;
    uint32_t sum = 0; /* wraps where it does in LiteRT */
    for (int32_t t = 0; t < layer->memory_len; t++) {
        sum += (uint32_t)(memory[t] * times[t]);
    }
    return (int32_t)sum;
}

void ep_svdf_ref(const ep_svdf_t *layer, const int8_t *in, int16_t *memory, int8_t *out)
{
    for (int32_t n = 0; n < layer->batches; n++, in += layer->in_len) {
        for (int32_t u = 0; u < layer->units; u++) {
            uint32_t sum = layer->bias != NULL ? (uint32_t)layer->bias[u] : 0U;
            for (int32_t r = 0; r < layer->rank; r++, memory += layer->memory_len) {
                sum += (uint32_t)filter_sum(layer, u * layer->rank + r, in, memory);
            }
            const int32_t acc = ep_requant((int32_t)sum, layer->out_multiplier, layer->out_shift) + layer->out_zero;
            *out++ = (int8_t)ep_clamp(acc, INT8_MIN, INT8_MAX);
        }
    }
}
