/*
 * Element-wise maximum and minimum of two int8 tensors, with broadcasting; their scales are taken to be equal.
 *
 *   out = max(in1, in2)   or   min(in1, in2)
 *
 *   in1, in2  int8  read at the steps of `axes` (a for in1, b for in2)
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_MAXIMUM_H
#define EP_MAXIMUM_H

#include "ep_axes.h"

void ep_maximum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out);
void ep_minimum_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out);

/* The same of int16. */
void ep_maximum_int16_ref(const ep_axis_t *axes, uint32_t rank, const int16_t *in1, const int16_t *in2, int16_t *out);
void ep_minimum_int16_ref(const ep_axis_t *axes, uint32_t rank, const int16_t *in1, const int16_t *in2, int16_t *out);

#endif
