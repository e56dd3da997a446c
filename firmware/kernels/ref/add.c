#include "ep_add.h"

#include "ep_fixed_point.h"

void ep_add_ref(const ep_add_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t real1 = (*a - layer->in1_zero) * (1 << 20);
            const int32_t real2 = (*b - layer->in2_zero) * (1 << 20);
            const int32_t sum = ep_requant(real1, layer->in1_multiplier, layer->in1_shift)
                                + ep_requant(real2, layer->in2_multiplier, layer->in2_shift);
            const int32_t real = ep_requant(sum, layer->out_multiplier, layer->out_shift) + layer->out_zero;
            *out++ = (int8_t)ep_clamp(real, layer->out_min, layer->out_max);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
