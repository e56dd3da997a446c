/*
 * Any function of one int8 value: its 256 results are worked out when the code is generated.
 *
 *   out[i] = table[in[i] + 128]
 *
 *   in     int8  [count]
 *   table  int8  [256]
 *   out    int8  [count]
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: ascending; in place.
 * Proof:   tests/firmware/operators/test_lookup.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_LOOKUP_H
#define EP_LOOKUP_H

#include <stdint.h>

void ep_lookup_ref(const int8_t *table, const int8_t *in, int8_t *out, uint32_t count);

#endif
