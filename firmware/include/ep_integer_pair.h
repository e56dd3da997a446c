/*
 * Operators on two tensors of whole numbers as they are, with broadcasting; what does not fit wraps around.
 *
 *   out = clamp(in1 op in2, low, high)     xor and shift: not clamped; a shift by more than the bits there are by those
 *
 *   in1, in2  read at the steps of `axes` (a for in1, b for in2)
 *   out       [count], contiguous in the order of the walk, rank >= 1
 *
 * Scratch: 0 bytes. Align: of the type. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/numbers/test_numbers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_INTEGER_PAIR_H
#define EP_INTEGER_PAIR_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    int32_t low, high;
} ep_integer_pair_t;

void ep_add_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);
void ep_sub_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);
void ep_mul_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);
void ep_maximum_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);
void ep_minimum_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);

void ep_bitwise_xor_int8_ref(const ep_integer_pair_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);
void ep_bitwise_xor_int16_ref(const ep_integer_pair_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);
void ep_bitwise_xor_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);
void ep_right_shift_int8_ref(const ep_integer_pair_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);
void ep_right_shift_int16_ref(const ep_integer_pair_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);
void ep_right_shift_int32_ref(const ep_integer_pair_t *layer, const int32_t *in1, const int32_t *in2, int32_t *out);

#endif
