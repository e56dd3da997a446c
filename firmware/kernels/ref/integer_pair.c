#include "ep_integer_pair.h"

#include "ep_fixed_point.h"

/* RESULT is an expression of *a and *b. */
#define EP_INTEGER_PAIR(NAME, TYPE, RESULT)                                                                \
    void NAME(const ep_integer_pair_t *layer, const TYPE *in1, const TYPE *in2, TYPE *out)                 \
    {                                                                                                      \
        const ep_axis_t run = layer->axes[0];                                                              \
        ep_walk_t walk = {0};                                                                              \
        do {                                                                                               \
            const TYPE *a = in1 + walk.a;                                                                  \
            const TYPE *b = in2 + walk.b;                                                                  \
            for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {                   \
                *out++ = (TYPE)(RESULT);                                                                   \
            }                                                                                              \
        } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);                             \
    }

static int32_t clamped(const ep_integer_pair_t *layer, uint32_t value)
{
    return ep_clamp((int32_t)value, layer->low, layer->high);
}

static int32_t shifted(int32_t value, int32_t count, int32_t bits)
{
    const int32_t most = count < 0 ? 0 : count >= bits ? bits - 1 : count;
    return value < 0 ? ~(~value >> most) : value >> most;
}

EP_INTEGER_PAIR(ep_add_int32_ref, int32_t, clamped(layer, (uint32_t)*a + (uint32_t)*b))
EP_INTEGER_PAIR(ep_sub_int32_ref, int32_t, clamped(layer, (uint32_t)*a - (uint32_t)*b))
EP_INTEGER_PAIR(ep_mul_int32_ref, int32_t, clamped(layer, (uint32_t)*a * (uint32_t)*b))
EP_INTEGER_PAIR(ep_maximum_int32_ref, int32_t, *a > *b ? *a : *b)
EP_INTEGER_PAIR(ep_minimum_int32_ref, int32_t, *a < *b ? *a : *b)

EP_INTEGER_PAIR(ep_bitwise_xor_int8_ref, int8_t, *a ^ *b)
EP_INTEGER_PAIR(ep_bitwise_xor_int16_ref, int16_t, *a ^ *b)
EP_INTEGER_PAIR(ep_bitwise_xor_int32_ref, int32_t, *a ^ *b)
EP_INTEGER_PAIR(ep_right_shift_int8_ref, int8_t, shifted(*a, *b, 8))
EP_INTEGER_PAIR(ep_right_shift_int16_ref, int16_t, shifted(*a, *b, 16))
EP_INTEGER_PAIR(ep_right_shift_int32_ref, int32_t, shifted(*a, *b, 32))
