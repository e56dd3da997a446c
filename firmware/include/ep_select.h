/*
 * One of two tensors' elements by a condition, with broadcasting of all three.
 *
 *   out = condition ? in1 : in2
 *
 *   condition  bool, one byte each; read at the steps of `axes` (a: elements)
 *   in1, in2   any type; read at the steps of `axes` (b: bytes) and of `axes2` (a: bytes)
 *   out        as in1  [count][element_bytes], contiguous in the order of the walk; rank >= 1
 *
 *   axes2      the same counts as `axes`
 *
 * Scratch: 0 bytes. Align: 1 byte.
 * Proof:   tests/firmware/operators/test_elementwise.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SELECT_H
#define EP_SELECT_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    const ep_axis_t *axes2;
    uint32_t rank, element_bytes;
} ep_select_t;

void ep_select_ref(const ep_select_t *layer, const uint8_t *condition, const void *in1, const void *in2, void *out);

#endif
