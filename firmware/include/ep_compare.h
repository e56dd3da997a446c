/*
 * Comparisons of two tensors, with broadcasting.
 *
 *   out = 1 where in1 is less than, equal to or greater than in2 as `accepted` allows, else 0
 *
 *   in1, in2  int8 (each brought to units of 2^-8 first); int16, int32 or float as they are;
 *             read at the steps of `axes` (a, b)
 *   out       bool, one byte each  [count], contiguous in the order of the walk; rank >= 1
 *
 *   accepted               EP_LESS | EP_EQUAL | EP_GREATER | EP_UNORDERED (a NaN among the two)
 *   multiplier1, shift1    in1's scale as multiplier * 2^(shift - 31); multiplier2, shift2 in2's; of int8 alone
 *
 * ep_not_ref: out = 1 where in is 0, else 0.
 *
 * Scratch: 0 bytes. Align: that of the element type.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_COMPARE_H
#define EP_COMPARE_H

#include "ep_axes.h"

#define EP_LESS 1U
#define EP_EQUAL 2U
#define EP_GREATER 4U
#define EP_UNORDERED 8U

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank, accepted;
    int32_t multiplier1, shift1, multiplier2, shift2;
    int16_t zero1, zero2;
} ep_compare_t;

void ep_compare_ref(const ep_compare_t *layer, const int8_t *in1, const int8_t *in2, uint8_t *out);
void ep_compare_int16_ref(const ep_compare_t *layer, const int16_t *in1, const int16_t *in2, uint8_t *out);
void ep_compare_int32_ref(const ep_compare_t *layer, const int32_t *in1, const int32_t *in2, uint8_t *out);
void ep_compare_float_ref(const ep_compare_t *layer, const float *in1, const float *in2, uint8_t *out);
void ep_not_ref(const uint8_t *in, uint8_t *out, uint32_t count);

#endif
