#include "ep_prelu.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

static inline int32_t scaled(const ep_prelu_t *layer, int32_t x, int32_t slope)
{
    if (x >= 0) {
        return ep_requant_add(x, layer->above_multiplier, layer->above_shift, layer->out_zero);
    }
    return ep_requant_add(x * slope, layer->below_multiplier, layer->below_shift, layer->out_zero);
}

EP_INLINE void prelu(const ep_prelu_t *layer, const void *in, const int8_t *slope, void *out, int32_t least, int32_t most,
                     ep_load_t load, ep_store_t store)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        int32_t a = walk.a;
        const int8_t *b = slope + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t real = scaled(layer, load(in, a) - layer->in_zero, *b - layer->slope_zero);
            store(out, to++, ep_clamp(real, least, most));
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_prelu_ref(const ep_prelu_t *layer, const int8_t *in, const int8_t *slope, int8_t *out)
{
    prelu(layer, in, slope, out, INT8_MIN, INT8_MAX, ep_load_int8, ep_store_int8);
}

void ep_prelu_int16_ref(const ep_prelu_t *layer, const int16_t *in, const int8_t *slope, int16_t *out)
{
    prelu(layer, in, slope, out, INT16_MIN, INT16_MAX, ep_load_int16, ep_store_int16);
}
