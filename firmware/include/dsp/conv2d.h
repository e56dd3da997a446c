/*
 * Convolution, int8 in, int8 out, any stride and padding, no dilation, one group; three pixels at a time.
 *
 *   acc[y][x][o] = bias[o] + sum_ijc (in[y * stride_h - pad_top + i][x * stride_w - pad_left + j][c] - in_zero)
 *                                    * weight[o][i][j][c],   taps outside the image count nothing
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 *   in       int8  [in_h][in_row_bytes = in_w * in_c]
 *   out      int8  [out_h][out_w][out_c], at least three pixels, `out_pixel` bytes apart
 *   stream   for `tile`: biases with the input's zero point folded in, weights, requantization (dsp/tile.h)
 *
 * A window of `window.rows` image rows, padded left and right with the zero point, moves down the image as a copy in
 * scratch; an output row is written after its window has been copied. Where nothing is padded and kernel_h or
 * out_h is 1 (`window_copied` 0) pixels are taken from `in` itself, each read before the tile it belongs to is written.
 *
 * Range:   as in dsp/tile.h.
 * Scratch: columns, 24 bytes a step, then the copied window, window.rows * window.row_bytes
 *          and 3 more. Align: 4 bytes.
 * Order:   pixels ascending; in place wherever no output row overtakes the rows still to be copied.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_DSP_CONV2D_H
#define EP_DSP_CONV2D_H

#include <stdint.h>

#include "dsp/columns.h"
#include "dsp/tile.h"

typedef struct {
    ep_tile_t tile;
    const uint32_t *stream;
    ep_window_t window;
    uint16_t steps;
    uint16_t in_h;
    uint16_t in_row_bytes;
    uint16_t out_h, out_w, out_pixel;
    uint16_t stride_h;
    uint16_t pad_top;
    uint16_t pad_left_bytes;
    int8_t in_zero;
    uint8_t window_copied;
    uint8_t overread_bytes; /* behind a segment, that filling up reads: 0 where a step never ends outside */
} ep_conv2d_dsp_t;

void ep_conv2d_dsp(const ep_conv2d_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
