/*
 * Exponentials and reciprocals in 32-bit fixed point: exp as a polynomial on [-1/4, 0) times exp(-2^k) per set bit, the
 * reciprocal by three Newton steps (gemmlowp's recipe, which LiteRT's reference follows).
 *
 * Proof: tests/firmware/operators/test_softmax.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_EXPONENTIAL_H
#define EP_EXPONENTIAL_H

#include "ep_fixed_point.h"

#define EP_EXP_FRACTION_BITS 26 /* of an exponent, Q5.26 */

/* exp(x) in Q0.31 for x in [-1/4, 0), Q0.31: fourth-order Taylor polynomial around -1/8. */
static inline int32_t ep_exp_of_quarter(int32_t x)
{
    const int32_t exp_of_minus_eighth = 1895147668;
    const int32_t third = 715827883;
    const int32_t d = x + (1 << 28);
    const int32_t d2 = ep_multiply_high(d, d);
    const int32_t d3 = ep_multiply_high(d2, d);
    const int32_t d4_quarter = ep_shift_right_round(ep_multiply_high(d2, d2), 2);
    const int32_t tail = ep_shift_right_round(ep_multiply_high(d4_quarter + d3, third) + d2, 1);
    return exp_of_minus_eighth + ep_multiply_high(exp_of_minus_eighth, d + tail);
}

/* exp(x) in Q0.31 for x <= 0 in Q5.26. */
static inline int32_t ep_exp_of_negative(int32_t x)
{
    static const int32_t exp_of_minus_power[] = {/* exp(-2^k) in Q0.31, k = -2 .. 4 */
        1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242,
    };
    const int32_t quarter = 1 << (EP_EXP_FRACTION_BITS - 2);
    if (x == 0) {
        return INT32_MAX;
    }
    const int32_t rest = (x & (quarter - 1)) - quarter;
    const int32_t whole = rest - x;
    int32_t result = ep_exp_of_quarter(rest * (1 << 5));
    for (int32_t k = 0; k < 7; k++) {
        if ((whole & (quarter << k)) != 0) {
            result = ep_multiply_high(result, exp_of_minus_power[k]);
        }
    }
    return result;
}

/* 1 / (1 + x) in Q0.31 for x in [0, 1), Q0.31: Newton's method on the half of it, from 48/17 - 32/17 h. */
static inline int32_t ep_one_over_one_plus(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t inverse = 1515870810 + ep_multiply_high(half, -1010580540); /* Q2.29 */
    for (int32_t k = 0; k < 3; k++) {
        const int32_t error = (1 << 29) - ep_multiply_high(half, inverse);
        inverse += ep_multiply_high(inverse, error) * (1 << 2);
    }
    return inverse > INT32_MAX / 2 ? INT32_MAX : inverse * 2;
}

#endif
