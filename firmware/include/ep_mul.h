/*
 * Element-wise product of two int8 tensors, with broadcasting.
 *
 *   out = clamp(requant((in1 - in1_zero) * (in2 - in2_zero)) + out_zero, out_min, out_max), rounded twice
 *
 *   in1, in2  int8  real = (q - zero) * scale; read at the steps of `axes` (a for in1, b for in2)
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 *   multiplier, shift   in1_scale * in2_scale / out_scale
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_MUL_H
#define EP_MUL_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t multiplier;
    int8_t shift;
    int16_t in1_zero, in2_zero, out_zero, out_min, out_max;
} ep_mul_t;

void ep_mul_ref(const ep_mul_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

/* From int16 to int16, all zero points 0. */
void ep_mul_int16_ref(const ep_mul_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);

#endif
