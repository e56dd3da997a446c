/*
 * The integer arithmetic that stands for multiplication by a real number.
 *
 *   real = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31) or 0, shift in [-31, 30]
 *
 * Two's complement and arithmetic right shifts of negative values are assumed, as on every Arm compiler.
 *
 * Proof: tests/firmware/test_fixed_point.py, against exact integers; and every operator's own test.
 */
#ifndef EP_FIXED_POINT_H
#define EP_FIXED_POINT_H

#include <stdint.h>

/* round(a * b / 2^31), halves upwards. Range: not both INT32_MIN. */
static inline int32_t ep_multiply_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1LL << 30)) >> 31);
}

/* round(x / 2^exponent), halves away from zero; exponent in [0, 31]. */
static inline int32_t ep_shift_right_round(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)((1U << (uint32_t)exponent) - 1U);
    const int32_t half = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + ((x & mask) > half ? 1 : 0);
}

/* x * real, rounded twice: after the multiplication and after the shift. A left shift wraps. */
static inline int32_t ep_requant(int32_t x, int32_t multiplier, int32_t shift)
{
    if (shift > 0) {
        return ep_multiply_high((int32_t)((uint32_t)x << (uint32_t)shift), multiplier);
    }
    return ep_shift_right_round(ep_multiply_high(x, multiplier), -shift);
}

/* The same plus a zero point; the sum wraps, too. */
static inline int32_t ep_requant_add(int32_t x, int32_t multiplier, int32_t shift, int32_t zero)
{
    return (int32_t)((uint32_t)ep_requant(x, multiplier, shift) + (uint32_t)zero);
}

/* x * real, rounded once, halves upwards. */
static inline int32_t ep_requant_once(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t right = 31 - shift;
    return (int32_t)(((int64_t)x * multiplier + (1LL << (right - 1))) >> right);
}

static inline int32_t ep_clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

#endif
