#include "ep_reduce.h"

#include "ep_fixed_point.h"

static int32_t sum_of(const ep_reduce_t *layer, const int8_t *in)
{
    const ep_axis_t run = layer->reduced[0];
    ep_walk_t walk = {0};
    int32_t sum = 0;
    do {
        const int8_t *a = in + walk.a;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a) {
            sum += *a - layer->in_zero;
        }
    } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);
    return sum;
}

static int32_t sum_of_unsigned(const ep_reduce_t *layer, const uint8_t *in)
{
    const ep_axis_t run = layer->reduced[0];
    ep_walk_t walk = {0};
    int32_t sum = 0;
    do {
        const uint8_t *a = in + walk.a;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a) {
            sum += *a - layer->in_zero;
        }
    } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);
    return sum;
}

static int8_t max_of(const ep_reduce_t *layer, const int8_t *in)
{
    const ep_axis_t run = layer->reduced[0];
    ep_walk_t walk = {0};
    int8_t max = INT8_MIN;
    do {
        const int8_t *a = in + walk.a;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a) {
            max = *a > max ? *a : max;
        }
    } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);
    return max;
}

void ep_mean_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        const int32_t sum = ep_requant(sum_of(layer, in + walk.a), layer->multiplier, layer->shift);
        *out++ = (int8_t)ep_clamp(sum + layer->out_zero, INT8_MIN, INT8_MAX);
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}

void ep_sum_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        const int32_t all = sum_of_unsigned(layer, (const uint8_t *)in + walk.a);
        const int32_t sum = ep_requant(all, layer->multiplier, layer->shift) + layer->out_zero;
        *out++ = (int8_t)(uint8_t)ep_clamp(sum, 0, UINT8_MAX);
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}

void ep_reduce_max_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        *out++ = max_of(layer, in + walk.a);
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}
