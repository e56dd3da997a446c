/*
 * LiteRT's multiplication of an int32 by a real factor, for values with a bit to spare: an SMMULR and a rounded shift.
 *
 *   ep_scaled16(2 * x, factor) = ep_requant(x, multiplier, shift) of ep_fixed_point.h, shift <= 0
 *
 * Proof: tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_FACTOR16_H
#define EP_DSP_FACTOR16_H

#include "dsp/arith.h"

typedef struct {
    int32_t multiplier, right;
    int32_t half;  /* of what is shifted out */
    int32_t signs; /* all ones where there is a shift */
} ep_factor16_t;

static inline ep_factor16_t ep_factor16(int32_t multiplier, int32_t right)
{
    const ep_factor16_t made = {multiplier, right, (int32_t)((1U << (uint32_t)right) >> 1), right != 0 ? -1 : 0};
    return made;
}

static inline int32_t ep_scaled16(int32_t twice, ep_factor16_t by)
{
    const int32_t high = ep_smmlar(twice, by.multiplier, 0);
    return (high + by.half + ((high >> 31) & by.signs)) >> by.right;
}

#endif
