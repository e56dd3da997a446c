/*
 * Convolution, int8 in, int8 out, any stride and padding, no dilation, one group; four pixels at a time.
 *
 *   acc[y][x][o] = bias[o] + sum_ijc (in[y * stride_h - pad_top + i][x * stride_w - pad_left + j][c] - in_zero)
 *                                    * weight[o][i][j][c],   taps outside the image count nothing
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 *   in       int8  [in_h][in_w][in_c]
 *   out      int8  [out_h][out_w][out_c], pixels `out_pixel` bytes apart
 *   stream   per channel: bias with the input's zero point folded in, [4 * steps] bytes weight + 128, then multiplier,
 *            offset, exponent (scalar/arith.h)
 *
 * The windows of four pixels are copied to columns, the zero point where they leave the image. Weights are read as
 * unsigned bytes; 128 * the sum of a column is taken out of each accumulator at its start.
 *   ARMv7-M  a word of the columns holds two pixels, 2^23 * b + a; one SMLAL gives 2^23 * acc[b] + acc[a].
 *            SMLAL takes the Cortex-M3 4 to 7 cycles, about what two MLA do.
 *   ARMv6-M  a word for each pixel, one MULS and one ADD a product.
 *
 * Range:   |acc| < 2^22, proved in edgeprune/engine/kernels/scalar/stream.py.
 * Scratch: columns, 64 bytes a step of four taps, and 4 * out_c bytes where the pixels are no multiple of four.
 *          Align: 4 bytes for scratch and stream, 1 for in and out.
 * Order:   pixels ascending; four pixels' windows are read before the four are written.
 * Proof:   tests/firmware/operators/test_scalar_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_SCALAR_CONV2D_H
#define EP_SCALAR_CONV2D_H

#include <stdint.h>

typedef struct {
    const uint32_t *stream;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c, out_pixel;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_top, pad_left;
    uint16_t steps;
    int16_t out_min, out_max;
    int8_t in_zero;
} ep_conv2d_scalar_t;

void ep_conv2d_scalar(const ep_conv2d_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
