/*
 * Depthwise convolution 3x3, int8 in, int8 out, stride 1 or 2, any padding, no dilation, channel by channel.
 *
 *   acc[y][x][c] = bias[c] + sum_ij (in[y * stride - pad + i][x * stride - pad + j][c] - in_zero) * weight[c][i][j],
 *                  taps outside the image count nothing
 *   out[y][x][c] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 *   in        int8   [in_h][in_w][channels]
 *   out       int8   [out_h][out_w][channels]
 *   constants int32  [channels][4]   bias, multiplier, offset, exponent (scalar/arith.h)
 *   weights   int8   [channels][9]
 *
 * A channel's image is copied to a plane of q + 128 with the zero point around it, in bands of at most band_rows output
 * rows, so that every tap is a load at a fixed distance. What the 128 add is in the bias, as is the zero point.
 * Rows run along the image's longer side; weights lie in the same order.
 *
 * Range:   |acc| < 2^22, proved in edgeprune/engine/kernels/scalar/depthwise.py.
 * Scratch: sums, 4 bytes for each output of a row, rounded up to even; the plane, plane_row bytes for each of
 *          (band_rows - 1) * stride + 3 rows; and 4 more. Align: 4 bytes.
 * Order:   channels ascending, a band of a channel is read before it is written.
 * Proof:   tests/firmware/operators/test_scalar_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_SCALAR_DEPTHWISE3X3_H
#define EP_SCALAR_DEPTHWISE3X3_H

#include <stdint.h>

typedef struct {
    const int32_t *constants;
    const int8_t *weights;
    uint16_t channels;
    uint16_t in_length, in_rows;      /* along and across the rows */
    uint16_t in_step, in_row_step;    /* bytes between neighbours, along and across */
    uint16_t out_length, out_rows;
    uint16_t out_step, out_row_step;
    uint16_t stride;
    uint16_t pad_before, pad_rows_before;
    uint16_t plane_row, band_rows;
    int16_t out_min, out_max;
    int8_t in_zero;
} ep_depthwise_scalar_t;

void ep_depthwise_scalar(const ep_depthwise_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
