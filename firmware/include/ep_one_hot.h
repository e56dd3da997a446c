/*
 * A row of `depth` values for each index: `on` at its place, `off` elsewhere.
 *
 *   out[o][k][i] = indices[o][i] == k ? on : off
 *
 *   indices  int32     [outer][inner]
 *   on, off  any type  one element
 *   out      as on     [outer][depth][inner]
 *
 * Scratch: 0 bytes. Align: 4 bytes for indices.
 * Proof:   tests/firmware/numbers/test_numbers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ONE_HOT_H
#define EP_ONE_HOT_H

#include <stdint.h>

typedef struct {
    uint32_t outer, depth, inner, element_bytes;
} ep_one_hot_t;

void ep_one_hot_ref(const ep_one_hot_t *layer, const int32_t *indices, const void *on, const void *off, void *out);

#endif
