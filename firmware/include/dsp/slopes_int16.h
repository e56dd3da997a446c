/*
 * ep_slopes_int16_ref (ep_slopes.h) on a core with the DSP extension: a multiplication in one instruction.
 *
 *   in, out  int16  [count]
 *
 * LiteRT's round(x * multiplier / 2^31) is SMMULR of twice x.
 *
 * Range:   left shifts of at most 14. Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place.
 * Proof:   tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_SLOPES_INT16_H
#define EP_DSP_SLOPES_INT16_H

#include "ep_slopes.h"

void ep_slopes_int16_dsp(const ep_slopes_t *layer, const int16_t *in, int16_t *out, uint32_t count);

#endif
