/*
 * Depthwise 3x3 convolution, int8 in, int8 out, stride 1 or 2, any padding below 3: 16 channels after 16 channels.
 *
 *   acc[y][x][c] = bias[c] + sum_ij (in[y * stride - pad_top + i][x * stride - pad_left + j][c] - in_zero)
 *                                   * weight[i][j][c],   taps outside the image count nothing
 *   out[y][x][c] = clamp(requant(acc[y][x][c]) + out_zero, out_min, out_max), rounded twice
 *
 * Four image rows of 16 channels are interleaved in scratch, so that a word holds one column of a channel. One gather
 * of four neighbouring words then holds the taps of 2x2 outputs (stride 1) or of one (stride 2), and each output is one
 * VMLADAV with the weights moved to its place.
 *
 *   in        int8   [in_h][in_w][channels]
 *   out       int8   [out_h][out_w][channels], out_w >= 2
 *   channels  words  per channel: three columns of weights as bytes [row 0, row 1, row 2, 0], the bias with the zero
 *                    point folded in, multiplier, shift
 *
 * Range:   |acc| < 2^30, shift in -30..-1; proved in edgeprune/engine/kernels/mve/stream.py.
 * Scratch: `columns` words of 16 channels, 64 bytes each; then, with stride 1, a row of 16 channels, 16 * in_w bytes.
 * Align:   4 bytes for scratch and channels.
 * Order:   16 channels at a time, two rows of outputs (stride 1) or one (stride 2) after the rows they need were read:
 *          in place when `out` is exactly `in` and outputs do not run ahead of rows still unread.
 * Proof:   tests/firmware/operators/test_mve_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_MVE_DEPTHWISE3X3_H
#define EP_MVE_DEPTHWISE3X3_H

#include <stdint.h>

typedef struct {
    const int32_t *channels;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w;
    uint16_t columns;
    uint8_t stride, pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_depthwise_mve_t;

void ep_depthwise_mve(const ep_depthwise_mve_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
