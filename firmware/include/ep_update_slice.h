/*
 * Where in a tensor a box begins that indices point to; moved back inside where it would reach beyond.
 *
 *   start[a] = clamp(starts[a], 0, spare[a]);  returns sum_a start[a] * steps_bytes[a]
 *
 *   starts       int32  [rank]
 *   spare        int32  [rank]  length of the tensor less length of the box
 *   steps_bytes  uint32 [rank]
 *
 * Scratch: 0 bytes. Align: 4 bytes.
 * Proof:   tests/firmware/numbers/test_numbers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_UPDATE_SLICE_H
#define EP_UPDATE_SLICE_H

#include "ep_fixed_point.h"

static inline uint32_t ep_box_start(const int32_t *starts, const int32_t *spare, const uint32_t *steps_bytes,
                                    uint32_t rank)
{
    uint32_t start_bytes = 0;
    for (uint32_t axis = 0; axis < rank; axis++) {
        start_bytes += (uint32_t)ep_clamp(starts[axis], 0, spare[axis]) * steps_bytes[axis];
    }
    return start_bytes;
}

#endif
