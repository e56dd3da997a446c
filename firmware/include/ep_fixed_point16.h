/*
 * Logistic and hyperbolic tangent in 16-bit fixed point, as LiteRT's recurrent layers compute them.
 *
 *   in   Q(m).(15 - m): real = x * 2^(m - 15)
 *   out  Q0.15
 *
 * exp as a polynomial on [-1/4, 0) times exp(-2^k) per set bit, reciprocals by three Newton steps (gemmlowp's recipe).
 *
 * Proof: tests/firmware/operators/test_lstm.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FIXED_POINT16_H
#define EP_FIXED_POINT16_H

#include "ep_fixed_point.h"
#include "ep_straight.h"

static inline int32_t ep_saturate16(int32_t x)
{
    return ep_clamp(x, INT16_MIN, INT16_MAX);
}

/* round(a * b / 2^15), halves upwards. Range: a, b int16, not both INT16_MIN. */
static inline int32_t ep_multiply_high16(int32_t a, int32_t b)
{
    return (a * b + (1 << 14)) >> 15;
}

/*
 * exp(x) in Q0.15 for x <= 0 in Q(integer_bits).
 *
 * A fourth-order Taylor polynomial around -1/8 for the part in [-1/4, 0), times exp(-2^k) for each bit of the rest. None of
 * the sums in between leaves 16 bits, and those that are halved are not negative.
 */
static inline int32_t ep_exp_of_negative16(int32_t x, int32_t integer_bits)
{
    static const int16_t exp_of_minus_power[] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* exp(-2^k), k = -2 .. 4 */
    const int32_t exp_of_minus_eighth = 28918;
    const int32_t third = 10923;
    const int32_t quarter = 1 << (13 - integer_bits);
    if (x == 0) {
        return INT16_MAX;
    }
    if (integer_bits > 5 && x < -(1 << (20 - integer_bits))) {
        return 0;
    }
    const int32_t rest = (x & (quarter - 1)) - quarter;
    const int32_t whole = rest - x;
    const int32_t d = rest * (1 << integer_bits) + (1 << 12);
    const int32_t d2 = ep_multiply_high16(d, d);
    const int32_t d3 = ep_multiply_high16(d2, d);
    const int32_t d4_quarter = (ep_multiply_high16(d2, d2) + 2) >> 2;
    const int32_t tail = (ep_multiply_high16(d4_quarter + d3, third) + d2 + 1) >> 1;
    const int32_t near = exp_of_minus_eighth + ep_multiply_high16(exp_of_minus_eighth, d + tail);
    int32_t result = near < INT16_MAX ? near : INT16_MAX;
    EP_STRAIGHT
    for (int32_t k = 0; k < 7; k++) {
        if (k < integer_bits + 2 && (whole & (quarter << k)) != 0) {
            result = ep_multiply_high16(result, exp_of_minus_power[k]);
        }
    }
    return result;
}

/* 2 / (1 + x) in Q2.13 for x in [0, 1), Q0.15: Newton's method on h = (1 + x) / 2, from 48/17 - 32/17 h. */
static inline int32_t ep_two_over_one_plus16(int32_t x)
{
    const int32_t half = (x + INT16_MAX + 1) >> 1;
    int32_t inverse = 23130 + ep_multiply_high16(half, -15420);
    EP_STRAIGHT
    for (int32_t k = 0; k < 3; k++) {
        const int32_t error = (1 << 13) - ep_multiply_high16(half, inverse);
        inverse += ep_multiply_high16(inverse, error) * (1 << 2);
    }
    return inverse;
}

/* 1 / (1 + exp(-x)); integer_bits = m in [0, 5]. */
static inline int32_t ep_logistic16(int32_t x, int32_t integer_bits)
{
    if (x == 0) {
        return 1 << 14;
    }
    const int32_t size = x > 0 ? x : (x == INT16_MIN ? INT16_MAX : -x);
    const int32_t twice = ep_two_over_one_plus16(ep_exp_of_negative16(-size, integer_bits)) * 2;
    const int32_t result = twice < INT16_MAX ? twice : INT16_MAX;
    return x > 0 ? result : INT16_MAX - result;
}

/* tanh(x); integer_bits = m in [0, 6]. */
static inline int32_t ep_tanh16(int32_t x, int32_t integer_bits)
{
    if (x == 0) {
        return 0;
    }
    /* The same bits with one more before the point: -2 |x|. */
    const int32_t exponential = ep_exp_of_negative16(x > 0 ? -x : x, integer_bits + 1);
    const int32_t wide = (ep_two_over_one_plus16(exponential) - (1 << 13)) * (1 << 2);
    const int32_t result = wide < INT16_MAX ? wide : INT16_MAX;
    return x > 0 ? result : -result;
}

#endif
