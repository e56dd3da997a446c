/*
 * Dense layer (FULLY_CONNECTED), int8 in, int8 out.
 *
 *   acc[n][o] = bias[o] + sum_i (in[n][i] - in_zero) * weight[o][i]
 *   out[n][o] = clamp(requant(acc[n][o]) + out_zero, out_min, out_max), rounded once
 *
 *   in      int8  [rows][in_len]
 *   out     int8  [rows][out_len]
 *   stream        of ep_mve_tile_once (mve/tile.h) for out_len / 4 groups; then for each channel left over: bias,
 *                 multiplier and shift int32, weights int8 [in_len] filled up to a multiple of four
 *
 * Scratch: in_len rounded up to 16 bytes. Align: 4 bytes for stream, 1 byte elsewhere.
 * Order:   a row of `in` is copied before its outputs are written: in place where no row overtakes the next one.
 * Proof:   tests/firmware/operators/test_mve_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_MVE_DENSE_H
#define EP_MVE_DENSE_H

#include <stdint.h>

typedef struct {
    const int32_t *stream;
    uint16_t rows, in_len, out_len;
    int16_t out_zero, out_min, out_max;
} ep_dense_mve_t;

void ep_dense_mve(const ep_dense_mve_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
