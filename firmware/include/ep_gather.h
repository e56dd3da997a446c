/*
 * Slices of a tensor picked by an index tensor.
 *
 *   out[b][o][k] = in[b][o][indices[b][k]],   slices of slice_bytes; an index outside the axis is taken as the nearest inside
 *
 *   in       any type  [batches][outer][axis_len][slice_bytes]
 *   indices  int32     [batches][count]
 *   out      as in     [batches][outer][count][slice_bytes]
 *
 * Scratch: 0 bytes. Align: 4 bytes for indices.
 * Proof:   tests/firmware/operators/test_gather.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_GATHER_H
#define EP_GATHER_H

#include <stdint.h>

typedef struct {
    uint32_t batches, outer, axis_len, count, slice_bytes;
} ep_gather_t;

void ep_gather_ref(const ep_gather_t *layer, const void *in, const int32_t *indices, void *out);

#endif
