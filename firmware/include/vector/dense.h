/*
 * Dense layer (FULLY_CONNECTED), int8 in, int8 out, four rows at a time (dot.h).
 *
 *   acc[n][o] = bias[o] + sum_i in[n][i] * weights[o][i]
 *   out[n][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded once (finish.h)
 *
 *   in       int8   [rows][in_len]      real = (q - in_zero) * in_scale
 *   weights  int8   [channels][taps]    channels: out_len rounded up to 4; taps: in_len rounded up to 16; zeros behind
 *   bias     int32  [out_len]           less in_zero times the sum of the output's weights
 *   out      int8   [rows][out_len]
 *
 * Scratch: 4 * (4 * channels + taps) bytes; 16 * channels where taps is in_len. Align: 4 bytes for scratch.
 * Order:   rows ascending; up to four are read before the first of them is written.
 * Proof:   tests/hosted/test_vector_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_VECTOR_DENSE_H
#define EP_VECTOR_DENSE_H

#include <stdint.h>

#include "vector/finish.h"

typedef struct {
    const int8_t *weights;
    ep_vector_scales_t scales;
    int32_t channels, taps;
    uint16_t rows, in_len, out_len;
} ep_dense_vector_t;

void ep_dense_vector(const ep_dense_vector_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
