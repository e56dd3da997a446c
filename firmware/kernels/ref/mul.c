#include "ep_mul.h"

#include "ep_fixed_point.h"

void ep_mul_ref(const ep_mul_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        const int32_t product = (in1[walk.a] - layer->in1_zero) * (in2[walk.b] - layer->in2_zero);
        const int32_t real = ep_requant(product, layer->multiplier, layer->shift) + layer->out_zero;
        *out++ = (int8_t)ep_clamp(real, layer->out_min, layer->out_max);
    } while (ep_walk_next(&walk, layer->axes, layer->rank) != 0);
}
