/*
 * Element-wise sum (or difference) of two int8 tensors of one shape: two multiplications and one saturation.
 *
 *   out[i] = saturate8((in1[i] * factor1 + in2[i] * factor2 + offset) >> fraction_bits)
 *
 *   in1, in2, out  int8  [count]
 *
 * The constants are computed at code generation, and checked there against LiteRT's four roundings (ep_add.h) for
 * all 65,536 pairs of inputs; fraction_bits is 22, or 20 where 22 leave no room.
 *
 * Range:   the sum stays inside int32, checked likewise. Scratch: 0 bytes. Align: 1 byte.
 * Order:   ascending, element by element; in place over either input.
 * Proof:   edgeprune/engine/kernels/linear_sum.py; tests/firmware/operators/test_dsp_layers.py,
 *          the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DSP_ADD_H
#define EP_DSP_ADD_H

#include <stdint.h>

typedef struct {
    uint32_t count;
    int32_t factor1, factor2, offset;
    uint8_t fraction_bits;
} ep_add_dsp_t;

void ep_add_dsp(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

#endif
