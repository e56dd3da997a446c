#include "ep_prelu.h"

#include "ep_fixed_point.h"

static inline int32_t scaled(const ep_prelu_t *layer, int32_t x, int32_t slope)
{
    if (x >= 0) {
        return ep_requant_add(x, layer->above_multiplier, layer->above_shift, layer->out_zero);
    }
    return ep_requant_add(x * slope, layer->below_multiplier, layer->below_shift, layer->out_zero);
}

void ep_prelu_ref(const ep_prelu_t *layer, const int8_t *in, const int8_t *slope, int8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in + walk.a;
        const int8_t *b = slope + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t real = scaled(layer, *a - layer->in_zero, *b - layer->slope_zero);
            *out++ = (int8_t)ep_clamp(real, INT8_MIN, INT8_MAX);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_prelu_int16_ref(const ep_prelu_t *layer, const int16_t *in, const int8_t *slope, int16_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int16_t *a = in + walk.a;
        const int8_t *b = slope + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t real = scaled(layer, *a - layer->in_zero, *b - layer->slope_zero);
            *out++ = (int16_t)ep_clamp(real, INT16_MIN, INT16_MAX);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
