#include "ep_softmax_int16.h"

#include "ep_fixed_point.h"
#include "ep_interpolate.h"

/* Exponentials of a row in Q0.15; returns their sum. */
static uint32_t exponentials(const ep_softmax_int16_t *layer, const int16_t *in, int16_t *out)
{
    int32_t max = INT16_MIN;
    for (uint32_t i = 0; i < layer->len; i++) {
        max = in[i] > max ? in[i] : max;
    }
    uint32_t sum = 0;
    for (uint32_t i = 0; i < layer->len; i++) {
        const int32_t steps = ep_requant_add(in[i] - max, layer->multiplier, layer->shift, INT16_MAX);
        const int32_t value = ep_interpolate(layer->exp, ep_clamp(steps, INT16_MIN, INT16_MAX));
        out[i] = (int16_t)value;
        sum += (uint32_t)value;
    }
    return sum;
}

void ep_softmax_int16_ref(const ep_softmax_int16_t *layer, const int16_t *in, int16_t *out)
{
    for (uint32_t n = 0; n < layer->rows; n++, in += layer->len, out += layer->len) {
        const uint32_t sum = exponentials(layer, in, out);
        int32_t right = 31; /* the sum's highest bit, which is at least 14 */
        while ((sum >> (uint32_t)right) == 0U) {
            right--;
        }
        /* The sum over 2^right is 1 + x: x in 1/65536 less 1/2, as the points are counted. */
        const int64_t whole = ((int64_t)sum << (uint32_t)(30 - right)) + (1 << 13);
        const int32_t x = ep_clamp((int32_t)(whole >> 14) - (1 << 16) - (1 << 15), INT16_MIN, INT16_MAX);
        const int64_t inverse = ep_interpolate(layer->inverse, x);
        for (uint32_t i = 0; i < layer->len; i++) {
            const int64_t value = (out[i] * inverse + (1LL << (right - 1))) >> right;
            out[i] = (int16_t)(value > INT16_MAX ? INT16_MAX : value);
        }
    }
}
