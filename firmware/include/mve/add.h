/*
 * Element-wise sum (or difference) of two int8 tensors of one shape, four at a time; formula and proof: dsp/add.h.
 *
 *   out[i] = saturate8((in1[i] * factor1 + in2[i] * factor2 + offset) >> fraction_bits)
 *
 * Range:   the sum stays inside int32. Scratch: 0 bytes. Align: 1 byte.
 * Order:   ascending, element by element; in place over either input.
 * Proof:   edgeprune/engine/kernels/linear_sum.py; tests/firmware/operators/test_mve_layers.py,
 *          the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_MVE_ADD_H
#define EP_MVE_ADD_H

#include <stdint.h>

typedef struct {
    uint32_t count;
    int32_t factor1, factor2, offset;
    uint8_t fraction_bits;
} ep_add_mve_t;

void ep_add_mve(const ep_add_mve_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
