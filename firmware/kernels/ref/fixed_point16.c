#include "ep_fixed_point16.h"

/* exp(x) in Q0.15 for x in [-1/4, 0), Q0.15: fourth-order Taylor polynomial around -1/8. */
static int32_t exp_of_quarter(int32_t x)
{
    const int32_t exp_of_minus_eighth = 28918;
    const int32_t third = 10923;
    const int32_t d = x + (1 << 12);
    const int32_t d2 = ep_multiply_high16(d, d);
    const int32_t d3 = ep_multiply_high16(d2, d);
    const int32_t d4_quarter = ep_shift_right_round(ep_multiply_high16(d2, d2), 2);
    const int32_t tail = ep_shift_right_round(ep_multiply_high16(d4_quarter + d3, third) + d2, 1);
    return ep_saturate16(exp_of_minus_eighth + ep_multiply_high16(exp_of_minus_eighth, d + tail));
}

/* exp(x) in Q0.15 for x <= 0 in Q(integer_bits). */
static int32_t exp_of_negative(int32_t x, int32_t integer_bits)
{
    static const int16_t exp_of_minus_power[] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* exp(-2^k), k = -2 .. 4 */
    const int32_t quarter = 1 << (13 - integer_bits);
    if (x == 0) {
        return INT16_MAX;
    }
    const int32_t rest = (x & (quarter - 1)) - quarter;
    const int32_t whole = rest - x;
    int32_t result = exp_of_quarter(ep_saturate16(rest * (1 << integer_bits)));
    for (int32_t k = 0; k < 7 && k < integer_bits + 2; k++) {
        if ((whole & (quarter << k)) != 0) {
            result = ep_multiply_high16(result, exp_of_minus_power[k]);
        }
    }
    if (integer_bits > 5 && x < -(1 << (20 - integer_bits))) {
        return 0;
    }
    return result;
}

/* 2 / (1 + x) in Q2.13 for x in [0, 1), Q0.15: Newton's method on h = (1 + x) / 2, from 48/17 - 32/17 h. */
static int32_t two_over_one_plus(int32_t x)
{
    const int32_t half = (x + INT16_MAX + 1) / 2;
    int32_t inverse = 23130 + ep_multiply_high16(half, -15420);
    for (int32_t k = 0; k < 3; k++) {
        const int32_t error = (1 << 13) - ep_multiply_high16(half, inverse);
        inverse += ep_saturate16(ep_multiply_high16(inverse, error) * (1 << 2));
    }
    return inverse;
}

int16_t ep_logistic16(int16_t x, int32_t integer_bits)
{
    if (x == 0) {
        return 1 << 14;
    }
    const int32_t size = ep_saturate16(x > 0 ? x : -x);
    const int32_t result = ep_saturate16(two_over_one_plus(exp_of_negative(-size, integer_bits)) * 2);
    return (int16_t)(x > 0 ? result : INT16_MAX - result);
}

int16_t ep_tanh16(int16_t x, int32_t integer_bits)
{
    if (x == 0) {
        return 0;
    }
    /* The same bits with one more before the point: -2 |x|. */
    const int32_t exponential = exp_of_negative(x > 0 ? -x : x, integer_bits + 1);
    const int32_t result = ep_saturate16((two_over_one_plus(exponential) - (1 << 13)) * (1 << 2));
    return (int16_t)(x > 0 ? result : -result);
}
