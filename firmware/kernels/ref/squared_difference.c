#include "ep_squared_difference.h"

#include "ep_fixed_point.h"

#define LEFT_SHIFT 7

void ep_squared_difference_ref(const ep_squared_difference_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t x = (*a - layer->in1_zero) * (1 << LEFT_SHIFT);
            const int32_t y = (*b - layer->in2_zero) * (1 << LEFT_SHIFT);
            const int32_t difference = ep_requant(x, layer->in1_multiplier, layer->in1_shift) -
                                       ep_requant(y, layer->in2_multiplier, layer->in2_shift);
            const int32_t square = difference * difference;
            const int32_t result = ep_requant_add(square, layer->out_multiplier, layer->out_shift, layer->out_zero);
            *out++ = (int8_t)ep_clamp(result, INT8_MIN, INT8_MAX);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
