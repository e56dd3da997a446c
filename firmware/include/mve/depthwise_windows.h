/*
 * Depthwise convolution of any window, stride, dilation and multiplier, int8 in, int8 out: 16 input channels at a time.
 *
 *   acc[y][x][c * multiplier_c + m] = bias + sum_ij (in[y * stride_h - pad_top + i * dilation_h][...][c] - in_zero)
 *                                     * weight[i][j],   taps outside the image count nothing
 *   out = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 * The image rows under a row of outputs are interleaved in scratch, so that a word holds four rows' taps of one column
 * and channel. A window is kernel_w * groups words, `groups` of them a column; one gather takes four, and one VMLADAVA
 * their 16 products.
 *
 * Rows run along the image's width; the generator swaps height and width where that makes longer ones.
 *
 *   in        int8   [in_h][in_w][in_c]
 *   out       int8   [out_h][out_w][in_c * multiplier_c]
 *   channels  words  per output channel: bias with the zero point folded in, multiplier, shift; 4 * gathers words of
 *                    weights, column after column, each [groups] of four rows, zeros where there is no tap
 *
 * Range:   as in mve/tile.h.
 * Scratch: 16 bytes a gather, then 64 bytes for each of `groups` of each column under `segment` outputs. Align: 4 bytes.
 * Order:   the rows an output row needs may be read until it is written.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter, overlapping too.
 */
#ifndef EP_MVE_DEPTHWISE_WINDOWS_H
#define EP_MVE_DEPTHWISE_WINDOWS_H

#include <stdint.h>

typedef struct {
    const int32_t *channels;
    uint32_t in_step, in_row_step;   /* bytes between neighbours, along and across the rows */
    uint32_t out_step, out_row_step;
    uint16_t in_h, in_w, in_c, multiplier_c;
    uint16_t out_h, out_w;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    uint16_t segment;
    uint16_t groups, gathers;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_depthwise_windows_mve_t;

void ep_depthwise_windows_mve(const ep_depthwise_windows_mve_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
