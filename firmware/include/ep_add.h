/*
 * Element-wise sum of two int8 tensors of different scales, with broadcasting.
 *
 *   a   = requant((in1 - in1_zero) * 2^20, in1_multiplier, in1_shift)     likewise b from in2
 *   out = clamp(requant(a + b, out_multiplier, out_shift) + out_zero, out_min, out_max), rounded twice each
 *
 *   in1, in2  int8  real = (q - zero) * scale; read at the steps of `axes` (a for in1, b for in2)
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 *   in1_multiplier, in1_shift   in1_scale / (2 * max(in1_scale, in2_scale)), at most 1/2
 *   in2_multiplier, in2_shift   in2_scale / (2 * max(in1_scale, in2_scale)); negative for a difference (SUB)
 *   out_multiplier, out_shift   2 * max(in1_scale, in2_scale) / (2^20 * out_scale), at most 1
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ADD_H
#define EP_ADD_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t in1_multiplier, in2_multiplier, out_multiplier;
    int8_t in1_shift, in2_shift, out_shift;
    int16_t in1_zero, in2_zero, out_zero, out_min, out_max;
} ep_add_t;

void ep_add_ref(const ep_add_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

/* From int16 to int16, all zero points 0; 2^15 in the place of 2^20. */
void ep_add_int16_ref(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);

/*
 * int16 whose scales are powers of two, in files that ask for it:
 *
 *   out = clamp(round(in1 * 2^in1_shift) + in2_multiplier * round(in2 * 2^in2_shift)), halves away from zero
 *
 * in2_multiplier is 1, or -1 for a difference; shifts are 0 or below.
 */
void ep_add_shifted_int16_ref(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);

#endif
