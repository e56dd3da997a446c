/*
 * Dense layer (FULLY_CONNECTED), int8 in, int8 out, six channels at a time.
 *
 *   acc[n][o] = bias[o] + sum_i (in[n][i] - in_zero) * weight[o][i]
 *   out[n][o] = clamp(requant(acc[n][o]) + out_zero, out_min, out_max), rounded once
 *
 *   in      int8  [rows][in_len]
 *   out     int8  [rows][out_len]
 *   stream  words, biases with the input's zero point folded in:
 *             per six channels a0 b0 a1 b1 a2 b2:  three biases 256 * b + a, three biases a,
 *               [steps][2][3] lanes of 256 * weight[b] + weight[a], inputs in the order of dsp/tile.h,
 *               four constants for each pair: factor and offset of a, then of b (dsp/tile.h, TWO)
 *             per pair left over:                  the same for one pair
 *             per single channel:                  bias, [steps] four weights, multiplier, shift
 *
 * Channels for which 256 * acc[b] + acc[a] could leave the range, or no two-instruction requantization exists, are
 * single ones, requantized as LiteRT does it.
 *
 * Range:   |acc[b]| < 2^23 in pairs, |acc| < 2^31 in single channels; proved in
 *          edgeprune/engine/kernels/dsp/requant.py.
 * Scratch: 8 * steps bytes, steps = ceil(in_len / 4). Align: 4 bytes for scratch and stream.
 * Order:   a row of `in` is copied before its outputs are written: in place where no row overtakes the next one.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_DSP_DENSE_H
#define EP_DSP_DENSE_H

#include <stdint.h>

typedef struct {
    const uint32_t *stream;
    uint16_t rows, in_len, out_len;
    uint16_t sixes, pairs, singles;    /* how the channels are grouped, in this order */
    uint8_t shift;                     /* of the two-instruction way, for a; 8 more for b */
    int16_t out_zero, out_min, out_max; /* of single channels */
} ep_dense_dsp_t;

void ep_dense_dsp(const ep_dense_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
