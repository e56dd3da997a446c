/*
 * Dense layer (FULLY_CONNECTED), int16 in, int16 out.
 *
 *   sum[n][o] = bias[o] + sum_i in[n][i] * weights[o][i]      modulo 2^64; modulo 2^32 where the bias is int32
 *   out[n][o] = clamp(round(sum * factor[o])), a float64 product, halves away from zero
 *
 *   in       int16   [rows][in_len]                       real = q * in_scale
 *   weights  int8    [out_len][in_len]                    real = q * weight_scale[o]
 *   bias     int64   [out_len] or NULL                    scale in_scale * weight_scale[o]
 *   factor   double  [out_len], or [1] with scale_step 0  in_scale * weight_scale[o] / out_scale
 *   out      int16   [rows][out_len]                      real = q * out_scale
 *
 * LiteRT's reference kernel scales the sums of a dense layer in float64, and so does this: no integers of 32 bits give
 * its 65,536 steps.
 *
 * Range:   any.
 * Scratch: 0 bytes. Align: 2 bytes. Order: rows ascending; a row is read again for each of its outputs.
 * Proof:   tests/firmware/operators16/test_layers16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DENSE_INT16_H
#define EP_DENSE_INT16_H

#include <stdint.h>

typedef struct {
    const int8_t *weights;
    const int64_t *bias;
    const double *factor;
    uint16_t scale_step; /* 1: a factor per output; 0: one for all */
    uint16_t rows, in_len, out_len;
    uint16_t is_wide; /* 0: the bias is int32 */
    int16_t out_min, out_max;
} ep_dense_int16_t;

void ep_dense_int16_ref(const ep_dense_int16_t *layer, const int16_t *in, int16_t *out);

#endif
