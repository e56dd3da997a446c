/*
 * ep_add_int16_ref (ep_add.h) of equal shapes on a core with the DSP extension: each multiplication in one instruction.
 *
 *   in1, in2  int16  [count]
 *   out       int16  [count]
 *
 * LiteRT's round(x * multiplier / 2^31) is SMMULR of twice x: an input times 2^15 fits with one bit more, and so does
 * the sum of two that are scaled by 1/2 at most.
 *
 * Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place over either input.
 * Proof:   tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_ADD_INT16_H
#define EP_DSP_ADD_INT16_H

#include "ep_add.h"

void ep_add_int16_dsp(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out, uint32_t count);

#endif
