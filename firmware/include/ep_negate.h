/*
 * The negative of stored numbers, whatever their scales; the least one is its own.
 *
 *   out = -in modulo 2^16
 *
 *   in, out  int16  [count]
 *
 * Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_NEGATE_H
#define EP_NEGATE_H

#include <stdint.h>

void ep_negate_int16_ref(const int16_t *in, int16_t *out, uint32_t count);

#endif
