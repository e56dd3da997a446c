#include "ep_float.h"

static float clamp(float x, float low, float high)
{
    const float above = x < low ? low : x;
    return high < above ? high : above;
}

/* RESULT is an expression of *a and *b, as LiteRT's: which of two NaNs or zeros stays depends on it. */
#define EP_FLOAT_PAIR(NAME, RESULT)                                                              \
    void NAME(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out)      \
    {                                                                                            \
        const ep_axis_t run = layer->axes[0];                                                    \
        ep_walk_t walk = {0};                                                                    \
        do {                                                                                     \
            const float *a = in1 + walk.a;                                                       \
            const float *b = in2 + walk.b;                                                       \
            for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {         \
                *out++ = clamp(RESULT, layer->low, layer->high);                                 \
            }                                                                                    \
        } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);                   \
    }

EP_FLOAT_PAIR(ep_add_float_ref, *a + *b)
EP_FLOAT_PAIR(ep_sub_float_ref, *a - *b)
EP_FLOAT_PAIR(ep_mul_float_ref, *a * *b)
EP_FLOAT_PAIR(ep_div_float_ref, *a / *b)
EP_FLOAT_PAIR(ep_maximum_float_ref, *a > *b ? *a : *b)
EP_FLOAT_PAIR(ep_minimum_float_ref, *a < *b ? *a : *b)
EP_FLOAT_PAIR(ep_squared_difference_float_ref, (*a - *b) * (*a - *b))
