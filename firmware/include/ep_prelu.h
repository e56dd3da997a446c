/*
 * Parametric ReLU: a slope of its own for every channel or element below zero, with broadcasting.
 *
 *   x   = in - in_zero
 *   out = clamp(requant(x, above) + out_zero, low, high)                              where x >= 0
 *         clamp(requant(x * (slope - slope_zero), below) + out_zero, low, high)       elsewhere; rounded twice
 *
 *   in     int8  real = (q - in_zero) * in_scale; read at step a of `axes`
 *   slope  int8  real = (q - slope_zero) * slope_scale; read at step b
 *   out    int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 *   above_multiplier, above_shift   in_scale / out_scale
 *   below_multiplier, below_shift   in_scale * slope_scale / out_scale
 *
 * ep_prelu_int16_ref: in and out int16, their zero points 0, the slope int8 all the same; low, high: the type's ends.
 *
 * Scratch: 0 bytes. Align: that of the element type. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_PRELU_H
#define EP_PRELU_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t above_multiplier, below_multiplier;
    int8_t above_shift, below_shift;
    int16_t in_zero, slope_zero, out_zero;
} ep_prelu_t;

void ep_prelu_ref(const ep_prelu_t *layer, const int8_t *in, const int8_t *slope, int8_t *out);
void ep_prelu_int16_ref(const ep_prelu_t *layer, const int16_t *in, const int8_t *slope, int16_t *out);

#endif
