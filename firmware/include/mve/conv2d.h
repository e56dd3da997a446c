/*
 * Convolution, int8 in, int8 out, any stride and padding, no dilation, one group; two pixels at a time.
 *
 *   acc[y][x][o] = bias[o] + sum_ijc (in[y * stride_h - pad_top + i][x * stride_w - pad_left + j][c] - in_zero)
 *                                    * weight[o][i][j][c],   taps outside the image count nothing
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 *   in      int8  [in_h][in_w][in_c]
 *   out     int8  [out_h][out_w][out_c], pixels `out_pixel` bytes apart
 *   stream        of `tile` (mve/tile.h) for out_c / 4 groups; then for each channel left over: bias, multiplier and
 *                 shift int32, weights int8 [kernel_h][kernel_w][in_c] filled up to a multiple of four
 *
 * Scratch: the columns of two pixels, kernel_h * kernel_w * in_c rounded up to 16 each.
 * Align:   4 bytes for stream, 1 byte elsewhere.
 * Order:   two pixels' windows are read, then their outputs written, ascending.
 * Proof:   tests/firmware/operators/test_mve_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_MVE_CONV2D_H
#define EP_MVE_CONV2D_H

#include <stdint.h>

#include "mve/tile.h"

typedef struct {
    ep_mve_tile_t tile;
    const int32_t *stream;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_pixel;
    uint16_t groups, singles; /* of output channels: fours, and what is left over */
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_conv2d_mve_t;

void ep_conv2d_mve(const ep_conv2d_mve_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
