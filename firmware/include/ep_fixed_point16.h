/*
 * Logistic and hyperbolic tangent in 16-bit fixed point, as LiteRT's recurrent layers compute them.
 *
 *   in   Q(m).(15 - m): real = x * 2^(m - 15)
 *   out  Q0.15
 *
 * exp as a polynomial on [-1/4, 0) times exp(-2^k) per set bit, reciprocals by three Newton steps (gemmlowp's recipe).
 *
 * Proof: tests/firmware/test_lstm.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FIXED_POINT16_H
#define EP_FIXED_POINT16_H

#include "ep_fixed_point.h"

static inline int32_t ep_saturate16(int32_t x)
{
    return ep_clamp(x, INT16_MIN, INT16_MAX);
}

/* round(a * b / 2^15), halves upwards. Range: a, b int16, not both INT16_MIN. */
static inline int32_t ep_multiply_high16(int32_t a, int32_t b)
{
    return (a * b + (1 << 14)) >> 15;
}

/* 1 / (1 + exp(-x)); integer_bits = m in [0, 5]. */
int16_t ep_logistic16(int16_t x, int32_t integer_bits);

/* tanh(x); integer_bits = m in [0, 6]. */
int16_t ep_tanh16(int16_t x, int32_t integer_bits);

#endif
