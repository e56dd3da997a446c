/*
 * Element-wise quotient rounded down, and what it leaves, of two int8 tensors, with broadcasting.
 *
 *   div:  out = floor(in1 / in2)             mod:  out = in1 - in2 * floor(in1 / in2)
 *
 *   in1, in2  int8  read at the steps of `axes` (a for in1, b for in2); stored numbers, whatever their scales: so LiteRT
 *                   takes them. A divisor of 0, at which LiteRT stops, counts as 1
 *   out       int8  [count], contiguous in the order of the walk; count = product of the axes' counts, rank >= 1
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FLOOR_DIV_H
#define EP_FLOOR_DIV_H

#include "ep_axes.h"

void ep_floor_div_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out);
void ep_floor_mod_ref(const ep_axis_t *axes, uint32_t rank, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
