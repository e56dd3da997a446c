#include "ep_maximum.h"

#include "ep_element.h"

EP_INLINE void pick(const ep_axis_t *axes, uint32_t rank, const void *in1, const void *in2, void *out, int32_t sign,
                    ep_load_t load, ep_store_t store)
{
    const ep_axis_t run = axes[0];
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        int32_t a = walk.a;
        int32_t b = walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t one = load(in1, a);
            const int32_t other = load(in2, b);
            store(out, to++, (sign > 0 ? one > other : one < other) ? one : other);
        }
    } while (ep_walk_next(&walk, axes + 1, rank - 1U) != 0);
}

void ep_maximum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    pick(axes, rank, in1, in2, out, 1, ep_load_int8, ep_store_int8);
}

void ep_minimum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    pick(axes, rank, in1, in2, out, -1, ep_load_int8, ep_store_int8);
}

void ep_maximum_int16_ref(const ep_axis_t *axes, uint32_t rank, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    pick(axes, rank, in1, in2, out, 1, ep_load_int16, ep_store_int16);
}

void ep_minimum_int16_ref(const ep_axis_t *axes, uint32_t rank, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    pick(axes, rank, in1, in2, out, -1, ep_load_int16, ep_store_int16);
}
