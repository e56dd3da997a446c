#include "ep_mul.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

EP_INLINE void mul(const ep_mul_t *layer, const void *in1, const void *in2, void *out, ep_load_t load, ep_store_t store)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        int32_t a = walk.a;
        int32_t b = walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t product = (load(in1, a) - layer->in1_zero) * (load(in2, b) - layer->in2_zero);
            const int32_t real = ep_requant_add(product, layer->multiplier, layer->shift, layer->out_zero);
            store(out, to++, ep_clamp(real, layer->out_min, layer->out_max));
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_mul_ref(const ep_mul_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    mul(layer, in1, in2, out, ep_load_int8, ep_store_int8);
}

void ep_mul_int16_ref(const ep_mul_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    mul(layer, in1, in2, out, ep_load_int16, ep_store_int16);
}
