#include "ep_reduce.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

EP_INLINE int32_t sum_of(const ep_reduce_t *layer, const void *in, int32_t from, ep_load_t load)
{
    const ep_axis_t run = layer->reduced[0];
    ep_walk_t walk = {0};
    uint32_t sum = 0;
    do {
        int32_t a = from + walk.a;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a) {
            sum += (uint32_t)(load(in, a) - layer->in_zero);
        }
    } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);
    return (int32_t)sum;
}

/* sign 1: the greatest value; -1: the least. */
EP_INLINE int32_t end_of(const ep_reduce_t *layer, const void *in, int32_t from, int32_t sign, ep_load_t load)
{
    const ep_axis_t run = layer->reduced[0];
    ep_walk_t walk = {0};
    int32_t end = load(in, from);
    do {
        int32_t a = from + walk.a;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a) {
            const int32_t value = load(in, a);
            end = (sign > 0 ? value > end : value < end) ? value : end;
        }
    } while (ep_walk_next(&walk, layer->reduced + 1, layer->reduced_rank - 1U) != 0);
    return end;
}

EP_INLINE void mean(const ep_reduce_t *layer, const void *in, void *out, int32_t low, int32_t high, ep_load_t load,
                    ep_store_t store)
{
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        const int32_t sum = sum_of(layer, in, walk.a, load);
        const int32_t value = ep_requant_add(sum, layer->multiplier, layer->shift, layer->out_zero);
        store(out, to++, ep_clamp(value, low, high));
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}

EP_INLINE void ends(const ep_reduce_t *layer, const void *in, void *out, int32_t sign, ep_load_t load, ep_store_t store)
{
    ep_walk_t walk = {0};
    int32_t to = 0;
    do {
        store(out, to++, end_of(layer, in, walk.a, sign, load));
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}

void ep_mean_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    mean(layer, in, out, INT8_MIN, INT8_MAX, ep_load_int8, ep_store_int8);
}

void ep_mean_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out)
{
    mean(layer, in, out, INT16_MIN, INT16_MAX, ep_load_int16, ep_store_int16);
}

void ep_sum_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        const int32_t all = sum_of(layer, in, walk.a, ep_load_uint8);
        const int32_t sum = ep_requant_add(all, layer->multiplier, layer->shift, layer->out_zero);
        *out++ = (int8_t)(uint8_t)ep_clamp(sum, 0, UINT8_MAX);
    } while (ep_walk_next(&walk, layer->kept, layer->kept_rank) != 0);
}

void ep_reduce_max_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ends(layer, in, out, 1, ep_load_int8, ep_store_int8);
}

void ep_reduce_min_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out)
{
    ends(layer, in, out, -1, ep_load_int8, ep_store_int8);
}

void ep_reduce_max_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out)
{
    ends(layer, in, out, 1, ep_load_int16, ep_store_int16);
}

void ep_reduce_min_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out)
{
    ends(layer, in, out, -1, ep_load_int16, ep_store_int16);
}
