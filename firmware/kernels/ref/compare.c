#include "ep_compare.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

#define LEFT_SHIFT 8

void ep_compare_ref(const ep_compare_t *layer, const int8_t *in1, const int8_t *in2, uint8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t x = ep_requant((*a - layer->zero1) * (1 << LEFT_SHIFT), layer->multiplier1, layer->shift1);
            const int32_t y = ep_requant((*b - layer->zero2) * (1 << LEFT_SHIFT), layer->multiplier2, layer->shift2);
            const uint32_t relation = x < y ? EP_LESS : (x > y ? EP_GREATER : EP_EQUAL);
            *out++ = (layer->accepted & relation) != 0U ? 1U : 0U;
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

EP_INLINE void compare(const ep_compare_t *layer, const void *in1, const void *in2, uint8_t *out, ep_load_t load)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        int32_t a = walk.a;
        int32_t b = walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t x = load(in1, a);
            const int32_t y = load(in2, b);
            const uint32_t relation = x < y ? EP_LESS : (x > y ? EP_GREATER : EP_EQUAL);
            *out++ = (layer->accepted & relation) != 0U ? 1U : 0U;
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_compare_int16_ref(const ep_compare_t *layer, const int16_t *in1, const int16_t *in2, uint8_t *out)
{
    compare(layer, in1, in2, out, ep_load_int16);
}

void ep_compare_int32_ref(const ep_compare_t *layer, const int32_t *in1, const int32_t *in2, uint8_t *out)
{
    compare(layer, in1, in2, out, ep_load_int32);
}

void ep_compare_float_ref(const ep_compare_t *layer, const float *in1, const float *in2, uint8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const float *a = in1 + walk.a;
        const float *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const uint32_t ordered = *a < *b ? EP_LESS : (*a > *b ? EP_GREATER : EP_EQUAL);
            const uint32_t relation = ordered != EP_EQUAL || *a == *b ? ordered : EP_UNORDERED;
            *out++ = (layer->accepted & relation) != 0U ? 1U : 0U;
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}

void ep_not_ref(const uint8_t *in, uint8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = in[i] == 0U ? 1U : 0U;
    }
}
