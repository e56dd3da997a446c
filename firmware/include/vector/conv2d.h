/*
 * Convolution of one group, int8 in, int8 out, four pixels at a time (dot.h).
 *
 *   acc[y][x][o] = bias[o] + sum_ijc in[y * stride_h - pad_top + i * dilation_h][...][c] * weights[o][i][j][c],
 *                  a tap outside the image counts in_zero
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (finish.h)
 *
 *   in       int8   [in_h][in_w][in_c]      real = (q - in_zero) * in_scale
 *   weights  int8   [channels][taps]        channels: out_c rounded up to 4; taps: kernel_h * kernel_w * in_c rounded up
 *                                           to 16; zeros behind both
 *   bias     int32  [out_c]                 less in_zero times the sum of the channel's weights
 *   out      int8   [out_h][out_w][out_c], out_pixel bytes from one pixel to the next
 *
 * Scratch: 4 * (4 * channels + taps) bytes; 16 * channels where `is_direct`. Align: 4 bytes for scratch.
 * Order:   pixels ascending; four are read before the first of them is written.
 * Proof:   tests/hosted/test_vector_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_VECTOR_CONV2D_H
#define EP_VECTOR_CONV2D_H

#include <stdint.h>

#include "vector/finish.h"

typedef struct {
    const int8_t *weights;
    ep_vector_scales_t scales;
    int32_t channels, taps;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c, out_pixel;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    uint16_t is_direct; /* 1: the image's pixels are the columns, none is copied */
    int16_t in_zero;
} ep_conv2d_vector_t;

void ep_conv2d_vector(const ep_conv2d_vector_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
