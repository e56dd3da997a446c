/*
 * Root of int16 values, in float as LiteRT has it, the fraction of a step cut off.
 *
 *   out = min(trunc(sqrt(in_scale * max(in, 0)) / out_scale), 32767)
 *
 *   in   int16  [count]   real = in * in_scale
 *   out  int16  [count]   real = out * out_scale
 *
 * Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SQRT_INT16_H
#define EP_SQRT_INT16_H

#include <stdint.h>

void ep_sqrt_int16_ref(float in_scale, float out_scale, const int16_t *in, int16_t *out, uint32_t count);

#endif
