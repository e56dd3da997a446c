#include "ep_maximum.h"

void ep_maximum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            *out++ = *a > *b ? *a : *b;
        }
    } while (ep_walk_next(&walk, axes + 1, rank - 1U) != 0);
}

void ep_minimum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            *out++ = *a < *b ? *a : *b;
        }
    } while (ep_walk_next(&walk, axes + 1, rank - 1U) != 0);
}
