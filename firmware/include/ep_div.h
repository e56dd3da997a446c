/*
 * Element-wise quotient of two int8 tensors, with broadcasting.
 *
 *   out = clamp(requant((in1 - in1_zero) / (in2 - in2_zero)) + out_zero, out_min, out_max)
 *
 *   in1, in2  int8  read at the steps of `axes` (a for in1, b for in2); a divisor of 0, at which LiteRT stops, counts
 *                   as 1
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 *   multiplier, shift   in1_scale / (in2_scale * out_scale)
 *
 * The divisor's inverse in Q0.31 by three Newton steps (gemmlowp's recipe). Shifts by more than 31 bits are what LiteRT's
 * are on the machines it was compared on: by the rest of 32.
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DIV_H
#define EP_DIV_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t multiplier, shift;
    int16_t in1_zero, in2_zero, out_zero, out_min, out_max;
} ep_div_t;

void ep_div_ref(const ep_div_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
