#include "ep_dense_steps.h"

#include "ep_fixed_point.h"

/* How many of the `count` ascending steps are at most `acc`. */
static int32_t steps_reached(const int32_t *steps, int32_t count, int32_t acc)
{
    int32_t low = 0;
    while (low < count) {
        const int32_t middle = (low + count) / 2;
        if (steps[middle] <= acc) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

void ep_dense_steps_ref(const ep_dense_steps_t *layer, const int8_t *in, int8_t *out)
{
    for (int32_t n = 0; n < layer->rows; n++, in += layer->in_len, out += layer->out_len) {
        uint32_t first = 0;
        for (int32_t k = 0; k < layer->count; k++) {
            uint32_t sum = (uint32_t)layer->bias[k];
            for (int32_t i = 0; i < layer->in_len; i++) {
                sum += (uint32_t)((in[i] - layer->in_zero) * layer->weights[k * layer->in_len + i]);
            }
            const uint32_t end = layer->ends[k];
            const int32_t value =
                end > first ? layer->bases[k] + steps_reached(layer->steps + first, (int32_t)(end - first), (int32_t)sum)
                            : layer->bases[k];
            out[layer->channels[k]] = (int8_t)ep_clamp(value, layer->out_min, layer->out_max);
            first = end;
        }
    }
}
