/*
 * Slices of a tensor picked by, or put where, vectors of indices point.
 *
 *   gather:   out[k] = in[indices[k][0]][indices[k][1]] ...
 *   scatter:  out = 0;  out[indices[k][0]][indices[k][1]] ... += in[k], integers that wrap around
 *
 *   indices  int32  [count][depth]; one outside its axis is taken as the nearest inside
 *   gather:   in   any type  slices of slice_bytes   out  as in  [count][slice_bytes]
 *   scatter:  in   numbers   slices of slice_bytes   out  as in  out_bytes in all
 *
 *   sizes, steps_bytes   of each of the `depth` axes the indices run along: its length, and bytes from one to the next
 *
 * Scratch: 0 bytes. Align: 4 bytes for indices, of its type for what is scattered.
 * Proof:   tests/firmware/operators/test_gather.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_GATHER_ND_H
#define EP_GATHER_ND_H

#include <stdint.h>

typedef struct {
    const uint32_t *sizes;
    const uint32_t *steps_bytes;
    uint32_t count, depth, slice_bytes, out_bytes;
} ep_gather_nd_t;

void ep_gather_nd_ref(const ep_gather_nd_t *layer, const void *in, const int32_t *indices, void *out);

/* Of bytes, of int32, int64 and float. */
void ep_scatter_nd_ref(const ep_gather_nd_t *layer, const int32_t *indices, const void *in, void *out);
void ep_scatter_nd_int32_ref(const ep_gather_nd_t *layer, const int32_t *indices, const void *in, void *out);
void ep_scatter_nd_int64_ref(const ep_gather_nd_t *layer, const int32_t *indices, const void *in, void *out);
void ep_scatter_nd_float_ref(const ep_gather_nd_t *layer, const int32_t *indices, const void *in, void *out);

#endif
