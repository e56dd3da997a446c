/*
 * Products of two matrices of activations, one for each place of a walk over the batch axes.
 *
 *   acc[m][n] = sum_k (in1[m][k] - in1_zero) * (in2[k][n] - in2_zero)
 *   out[m][n] = clamp(requant(acc) + out_zero, -128, 127), rounded twice
 *
 *   in1  int8  element (m, k) at m * in1_row_step + k * in1_depth_step from step a of `axes`
 *   in2  int8  element (k, n) at k * in2_depth_step + n * in2_column_step from step b
 *   out  int8  [batches][rows][columns]
 *
 *   multiplier, shift   in1_scale * in2_scale / out_scale
 *
 * Range:   depth <= 33,000 keeps acc inside int32.
 * Scratch: 0 bytes. Align: 1 byte.
 * Proof:   tests/firmware/operators/test_batch_matmul.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_BATCH_MATMUL_H
#define EP_BATCH_MATMUL_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    uint16_t rows, depth, columns;
    uint16_t in1_row_step, in1_depth_step, in2_depth_step, in2_column_step;
    int32_t multiplier, shift;
    int16_t in1_zero, in2_zero, out_zero;
} ep_batch_matmul_t;

void ep_batch_matmul_ref(const ep_batch_matmul_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out);

/* The same of int16, zero points 0: sums of 64 bits, multiplier and shift as in ep_sums16.h. */
void ep_batch_matmul_int16_ref(const ep_batch_matmul_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out);

#endif
