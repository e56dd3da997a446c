#include "ep_div.h"

#include "ep_exponential.h"

/* round(x / 2^exponent); beyond 31 the mask has all bits and x moves by the rest of 32. */
static int32_t shift_right(int32_t x, int32_t exponent)
{
    if (exponent <= 31) {
        return ep_shift_right_round(x, exponent);
    }
    return (x >> (exponent & 31)) + (x > (x < 0 ? 0 : -1) ? 1 : 0);
}

static int32_t quotient(const ep_div_t *layer, int32_t x, int32_t y)
{
    if (y < 0) {
        x = -x;
        y = -y;
    }
    y = y == 0 ? 1 : y;
    int32_t zeros = 0;
    while (((uint32_t)y << (uint32_t)zeros & 0x80000000U) == 0U) {
        zeros++;
    }
    const int32_t inverse = ep_one_over_one_plus((int32_t)(((uint32_t)y << (uint32_t)zeros) - 0x80000000U));
    int32_t headroom = 0; /* bits of x that only repeat its sign */
    while (headroom < 31 && ((uint32_t)(x < 0 ? ~x : x) << (uint32_t)headroom & 0x40000000U) == 0U) {
        headroom++;
    }
    const int32_t wide = ep_multiply_high((int32_t)((uint32_t)x << (uint32_t)headroom), inverse);
    const int32_t right = 31 - zeros + headroom - layer->shift;
    return shift_right(ep_multiply_high(wide, layer->multiplier), right);
}

void ep_div_ref(const ep_div_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const ep_axis_t run = layer->axes[0];
    ep_walk_t walk = {0};
    do {
        const int8_t *a = in1 + walk.a;
        const int8_t *b = in2 + walk.b;
        for (uint32_t i = 0; i < run.count; i++, a += run.step_a, b += run.step_b) {
            const int32_t result = quotient(layer, *a - layer->in1_zero, *b - layer->in2_zero);
            const int32_t value = (int32_t)((uint32_t)result + (uint32_t)layer->out_zero);
            *out++ = (int8_t)ep_clamp(value, layer->out_min, layer->out_max);
        }
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
