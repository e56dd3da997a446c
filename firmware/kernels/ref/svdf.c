#include "ep_svdf.h"

#include <stddef.h>

#include "ep_fixed_point16.h"

int32_t ep_push_ref(int16_t *memory, const int16_t *times, uint32_t len, int32_t newest)
{
    uint32_t sum = 0;
    for (uint32_t t = 0; t + 1U < len; t++) {
        memory[t] = memory[t + 1U];
        sum += (uint32_t)(memory[t] * times[t]);
    }
    memory[len - 1U] = (int16_t)newest;
    return (int32_t)(sum + (uint32_t)(newest * times[len - 1U]));
}

/* The sums of one input as features, in their place. */
static void scale_features(const ep_svdf_t *layer, uint32_t filters, int32_t *sums)
{
    const int32_t *const bias = layer->feature_bias;
    const int32_t multiplier = layer->feature_multiplier, right = -layer->feature_shift;
    if (right >= 0) {
        for (uint32_t f = 0; f < filters; f++) {
            const int32_t high = ep_multiply_high(bias[f] + sums[f], multiplier);
            sums[f] = ep_saturate16(ep_shift_right_round(high, right));
        }
    } else {
        for (uint32_t f = 0; f < filters; f++) {
            sums[f] = ep_saturate16(ep_requant(bias[f] + sums[f], multiplier, -right));
        }
    }
}

void ep_svdf_ref(const ep_svdf_t *layer, const int8_t *in, int16_t *memory, int8_t *out, void *scratch)
{
    int32_t *const sums = scratch;
    int32_t *const wide = sums + layer->acc_words;
    const uint32_t rank = layer->rank, units = layer->units, memory_len = layer->memory_len;
    int32_t (*const push)(int16_t *, const int16_t *, uint32_t, int32_t) = layer->push;
    for (int32_t n = 0; n < layer->batches; n++, in += layer->in_len) {
        const void *values = in;
        if (layer->products.widen != NULL) {
            layer->products.widen(in, layer->in_len, wide);
            values = wide;
        }
        layer->products.multiply(layer->feature_weights, values, layer->in_len, units * rank, sums);
        scale_features(layer, units * rank, sums);
        const int16_t *times = layer->time_weights;
        const int32_t *feature = sums;
        for (uint32_t u = 0; u < units; u++) {
            uint32_t acc = layer->bias != NULL ? (uint32_t)layer->bias[u] : 0U;
            for (uint32_t r = 0; r < rank; r++, memory += memory_len, times += memory_len) {
                acc += (uint32_t)push(memory, times, memory_len, *feature++);
            }
            const int32_t value =
                ep_requant_add((int32_t)acc, layer->out_multiplier, layer->out_shift, layer->out_zero);
            *out++ = (int8_t)ep_clamp(value, INT8_MIN, INT8_MAX);
        }
    }
}
