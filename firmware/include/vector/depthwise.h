/*
 * Depthwise convolution, int8 in, int8 out, one filter a channel, all channels of a pixel side by side.
 *
 *   acc[y][x][c] = bias[c] + sum_ij in[y * stride_h - pad_top + i * dilation_h][...][c] * weights[i][j][c],
 *                  a tap outside the image counts in_zero
 *   out[y][x][c] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (finish.h)
 *
 *   in       int8   [in_h][in_w][in_c]      real = (q - in_zero) * in_scale
 *   weights  int8   [taps][in_c]            kernel_h * kernel_w taps, rounded up to 3 with zeros; none of them -128
 *   bias     int32  [in_c]                  less in_zero times the sum of the channel's weights
 *   out      int8   [out_h][out_w][in_c]
 *
 * Range:   taps at most 65,535.
 * Scratch: 4 * in_c bytes, in_c more for a pixel of in_zero. Align: 4 bytes for scratch.
 * Order:   pixels ascending; a pixel's taps are read before it is written.
 * Proof:   tests/hosted/test_vector_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_VECTOR_DEPTHWISE_H
#define EP_VECTOR_DEPTHWISE_H

#include <stdint.h>

#include "vector/finish.h"

typedef struct {
    const int8_t *weights;
    ep_vector_scales_t scales;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero;
} ep_depthwise_vector_t;

void ep_depthwise_vector(const ep_depthwise_vector_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
