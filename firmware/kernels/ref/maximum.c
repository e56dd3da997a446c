#include "ep_maximum.h"

void ep_maximum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        *out++ = in1[walk.a] > in2[walk.b] ? in1[walk.a] : in2[walk.b];
    } while (ep_walk_next(&walk, axes, rank) != 0);
}

void ep_minimum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        *out++ = in1[walk.a] < in2[walk.b] ? in1[walk.a] : in2[walk.b];
    } while (ep_walk_next(&walk, axes, rank) != 0);
}
