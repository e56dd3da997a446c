/*
 * Depthwise convolution of any window, stride, dilation and multiplier, int8 in, int8 out: channel by channel.
 *
 *   acc[y][x][c * multiplier_c + m] = bias + sum_ij (in[y * stride - pad + i * dilation][...][c] - in_zero) * weight[i][j],
 *                                     taps outside the image count nothing
 *   out = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 * A channel's image is copied to a plane of int16, q + raise, with the zero point around it. The plane's rows run along
 * the image's width or, transposed, along its height. A plane too large for the scratch comes in bands of rows, and
 * in segments of outputs along the rows; where the taps of a row lie `dilation` apart, a segment takes every
 * `dilation`-th input and every `phases`-th output, so that in the plane they are neighbours.
 *
 *   in         int8   [in_h][in_w][in_c]
 *   out        int8   [out_h][out_w][in_c * multiplier_c]
 *   constants  int32  [out_c][4]   the bias with the zero point folded in, and what `finish` reads
 *   weights    int8   [out_c][rows of taps][taps]
 *
 * What an instruction set brings (`ep_plane_kernel_t`):
 *   copy   `count` inputs of one channel, `step` bytes apart, plus `raise`, to a row of its plane; with `second`, the next
 *          channel to the row `second` elements further, too
 *   run    a filter's outputs of a band: sums and requantization. It may read elements of a plane's row behind the taps.
 *
 * Range:   |acc| < 2^30, proved in edgeprune/engine/kernels/planes.py.
 * Scratch: sums of a segment, the widened weights, the planes of two channels (one where there is but one). Align: 4 bytes.
 * Order:   a channel's band is read before its outputs are written: in place when `out` is exactly `in`, all bands have
 *          one segment and no output row overtakes the rows still to be read.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_DEPTHWISE_PLANES_H
#define EP_DEPTHWISE_PLANES_H

#include <stdint.h>

typedef struct ep_planes ep_planes_t;

/* The outputs of one filter over one band. */
typedef struct {
    const int16_t *plane;
    const int8_t *weights;
    void *taps;               /* scratch for the weights as the kernel reads them */
    const int32_t *constants; /* of the filter, its bias first */
    int32_t *acc;             /* scratch for the sums of a row */
    int8_t *out;
    uint32_t step;            /* bytes from an output of a row to the next */
    uint32_t count, rows;
    uint32_t row_elements;    /* of the plane, from a row of outputs to the next */
} ep_plane_job_t;

typedef struct {
    void (*copy)(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row, uint32_t second);
    void (*run)(const ep_planes_t *layer, const ep_plane_job_t *job);
} ep_plane_kernel_t;

struct ep_planes {
    ep_plane_kernel_t kernel;
    const int32_t *constants;
    const int8_t *weights;
    uint32_t in_step, in_row_step;   /* bytes between neighbours, along and across the rows */
    uint32_t out_step, out_row_step;
    uint16_t in_c, multiplier_c;
    uint16_t in_length, in_rows;     /* along and across */
    uint16_t out_length, out_rows;
    uint16_t taps, tap_rows;         /* of the window, along and across */
    uint16_t dilation, row_dilation;
    uint16_t stride, row_stride;     /* of the image */
    uint16_t phases, plane_stride;   /* stride / dilation, in lowest terms: outputs of a segment, inputs between them */
    uint16_t pad, pad_rows;          /* before the image */
    uint16_t segment, band_rows;     /* outputs at once, along and across */
    uint16_t plane_row;              /* elements, even */
    uint16_t acc_words, taps_words;  /* of scratch */
    uint16_t plane_elements;         /* of a channel's band */
    int16_t raise;
    int16_t out_min, out_max, out_zero;
    int8_t in_zero;
};

void ep_depthwise_planes(const ep_planes_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
