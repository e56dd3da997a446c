/*
 * Element-wise squared difference of two int8 tensors, with broadcasting.
 *
 *   scaled = requant((in - in_zero) << 7)                  each input on twice the larger scale
 *   out    = clamp(requant((scaled1 - scaled2)^2) + out_zero, -128, 127)
 *
 *   in1, in2  int8  read at the steps of `axes` (a for in1, b for in2)
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 * Range:   |scaled| < 2^15, so that the square keeps inside int32.
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SQUARED_DIFFERENCE_H
#define EP_SQUARED_DIFFERENCE_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t in1_multiplier, in1_shift, in2_multiplier, in2_shift, out_multiplier, out_shift;
    int16_t in1_zero, in2_zero, out_zero;
} ep_squared_difference_t;

void ep_squared_difference_ref(const ep_squared_difference_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
