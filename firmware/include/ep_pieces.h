/*
 * A convolution in pieces, each an ordinary one: a slice of the channels (groups), every n-th pixel (dilation), the outputs
 * that meet the same taps (TRANSPOSE_CONV).
 *
 *   acc[y][x][o] = bias[o] + sum_ijc (image[top + y * row_stride + i * row_dilation][first column + x * stride + j][c]
 *                                     - in_zero) * weight[o][i][j][c],   taps outside the image count nothing
 *
 * The columns of the image are those `in_step` bytes apart, its channels the `slice` from in_first + group * slice on. The
 * rows under a row of outputs are copied side by side, `before` and `behind` columns of the zero point around those inside
 * the image, so that a row of taps is `kernel_w * slice` bytes.
 *
 *   in    int8   any image
 *   rows  int8   [kernel_h][before + inside + behind][slice]
 *   out   int8   pixel x of row y at out_first + y * out_row_step + x * out_pixel, group after group `channels` each
 *
 *   ep_piece_load   copies the rows under row `y` of a group's outputs
 *
 * Proof: tests/firmware/operators/test_window_layers.py, by the kernels that use it.
 */
#ifndef EP_PIECES_H
#define EP_PIECES_H

#include <stdint.h>

typedef struct {
    uint32_t in_first;                /* bytes, of the first column that is read, group 0 */
    uint32_t in_row_step, in_step;    /* bytes */
    uint32_t out_first, out_row_step; /* bytes */
    uint16_t out_pixel;               /* bytes */
    uint16_t out_h, out_w;
    uint16_t groups, slice, channels;
    uint16_t in_h;
    uint16_t kernel_h, kernel_w;
    int16_t top;
    uint16_t row_stride, row_dilation, stride;
    uint16_t before, inside, behind;
    int8_t in_zero;
} ep_piece_t;

void ep_piece_load(const ep_piece_t *piece, const int8_t *in, uint32_t group, uint32_t y, int8_t *rows);

#endif
