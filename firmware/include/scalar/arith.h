/*
 * Requantization on cores without the DSP extension: exactly LiteRT's roundings, no constants to be searched for.
 *
 *   ep_high(a, m)           floor(a * m / 2^32)
 *   ep_high_round(a, m)     round(a * m / 2^32), halves upwards
 *   ep_scale_twice(acc, s)  (round(acc * m / 2^31) - (acc < 0) + offset) >> e: rounded after the multiplication, and
 *                           after the shift halves away from zero
 *   ep_scale_once(acc, s)   (acc * m / 2^31 + offset) >> e: rounded once, halves upwards
 *   ep_limit(x, low, high)  x clamped
 *
 *   s: multiplier m Q0.31, e = -shift >= 1, offset = zero_point * 2^e + 2^(e - 1)
 *
 * ARMv6-M multiplies 32 x 32 -> 32 bits alone, so there a * m is put together from 16-bit halves: four MULS.
 *
 * Range:   |acc| < 2^29, 0 <= m < 2^31; |a| < 2^30.
 * Proof:   tests/firmware/operators/test_scalar_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SCALAR_ARITH_H
#define EP_SCALAR_ARITH_H

#include <stdint.h>

typedef struct {
    int32_t multiplier, offset, exponent;
} ep_scale_t;

#if defined(__ARM_ARCH_6M__)

/* floor((a * m + rounding * 2^16) / 2^32). The sum of the middle products is moved down by 2^30, so that it fits. */
static inline int32_t ep_high_plus(int32_t a, int32_t m, int32_t rounding)
{
    const uint32_t low = (uint32_t)a & 0xFFFFU;
    const int32_t high = a >> 16;
    const uint32_t m_low = (uint32_t)m & 0xFFFFU;
    const uint32_t m_high = (uint32_t)m >> 16;
    const uint32_t upper = low * m_high + (uint32_t)high * m_low;
    const uint32_t middle = (low * m_low >> 16) + upper + ((uint32_t)rounding - (1U << 30));
    return high * (int32_t)m_high + ((int32_t)middle >> 16) + (1 << 14);
}

static inline int32_t ep_high(int32_t a, int32_t m)
{
    return ep_high_plus(a, m, 0);
}

static inline int32_t ep_high_round(int32_t a, int32_t m)
{
    return ep_high_plus(a, m, 1 << 15);
}

#else

static inline int32_t ep_high(int32_t a, int32_t m)
{
    return (int32_t)(((int64_t)a * m) >> 32);
}

static inline int32_t ep_high_round(int32_t a, int32_t m)
{
    return (int32_t)(((int64_t)a * m + (1LL << 31)) >> 32);
}

#endif

static inline int32_t ep_scale_twice(int32_t acc, ep_scale_t s)
{
    return (ep_high_round(acc * 2, s.multiplier) + (acc >> 31) + s.offset) >> s.exponent;
}

static inline int32_t ep_scale_once(int32_t acc, ep_scale_t s)
{
    return (ep_high(acc * 2, s.multiplier) + s.offset) >> s.exponent;
}

static inline int32_t ep_limit(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

#endif
