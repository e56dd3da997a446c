#include "ep_add.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

EP_INLINE void add(const ep_add_t *layer, const void *in1, const void *in2, void *out, int32_t left_shift,
                   ep_load_t load, ep_store_t store)
{
    const ep_axis_t run = layer->axes[0];
    const int32_t unit = 1 << left_shift;
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        int32_t a = walk.a;
        int32_t b = walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t real1 = (load(in1, a) - layer->in1_zero) * unit;
            const int32_t real2 = (load(in2, b) - layer->in2_zero) * unit;
            const int32_t sum = ep_requant(real1, layer->in1_multiplier, layer->in1_shift)
                                + ep_requant(real2, layer->in2_multiplier, layer->in2_shift);
            const int32_t real = ep_requant_add(sum, layer->out_multiplier, layer->out_shift, layer->out_zero);
            store(out, to++, ep_clamp(real, layer->out_min, layer->out_max));
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_add_ref(const ep_add_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    add(layer, in1, in2, out, 20, ep_load_int8, ep_store_int8);
}

void ep_add_int16_ref(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    add(layer, in1, in2, out, 15, ep_load_int16, ep_store_int16);
}

void ep_add_shifted_int16_ref(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int16_t *a = in1 + walk.a;
        const int16_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t sum = ep_shift_right_round(*a, -layer->in1_shift)
                                + ep_shift_right_round(*b, -layer->in2_shift) * layer->in2_multiplier;
            *out++ = (int16_t)ep_clamp(sum, layer->out_min, layer->out_max);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
