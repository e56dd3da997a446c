/*
 * Moves runs of bytes: pads, slices, transposes, concatenations, splits.
 *
 *   for each place of the walk: out[b .. b + run_bytes) = in[a .. a + run_bytes)
 *
 *   in, out    any type; steps of `axes` in bytes (a for in, b for out)
 *   run_bytes  contiguous on both sides; rank is 1 or more
 *
 * Scratch: 0 bytes. Align: 1 byte. In and out must not overlap.
 * Proof:   tests/firmware/operators/test_copy.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_COPY_H
#define EP_COPY_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    uint32_t run_bytes;
} ep_copy_t;

void ep_copy_ref(const ep_copy_t *layer, const void *in, void *out);

#endif
