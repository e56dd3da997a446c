#include "ep_floor_div.h"

static int32_t floor_of(int32_t x, int32_t y)
{
    const int32_t cut = x / y;
    return cut - (x % y != 0 && (x < 0) != (y < 0) ? 1 : 0);
}

void ep_floor_div_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            *out++ = (int8_t)floor_of(*a, *b == 0 ? 1 : *b);
        }
    } while (ep_walk_next(&walk, axes + 1, rank - 1U) != 0);
}

void ep_floor_mod_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t y = *b == 0 ? 1 : *b;
            *out++ = (int8_t)(*a - y * floor_of(*a, y));
        }
    } while (ep_walk_next(&walk, axes + 1, rank - 1U) != 0);
}
