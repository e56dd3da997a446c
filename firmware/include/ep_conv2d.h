/*
 * Convolution, int8 in, int8 out, any stride, dilation, padding, groups.
 *
 *   acc[y][x][o] = bias[o] + sum_ijc (in[y * stride_h - pad_top + i * dilation_h][...][g + c] - in_zero)
 *                                    * weights[o][i][j][c],   taps outside the image count nothing
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (ep_fixed_point.h)
 *   g            = o / group_out_c * group_in_c, the first input channel of the filter's group
 *
 *   in          int8   [in_h][in_w][in_c]                            real = (q - in_zero) * in_scale
 *   weights     int8   [out_c][kernel_h][kernel_w][group_in_c]       real = q * weight_scale[o]
 *   bias        int32  [out_c] or NULL                               scale in_scale * weight_scale[o]
 *   multiplier  int32  [out_c], or [1] with scale_step 0             in_scale * weight_scale[o] / out_scale
 *   shift       int8   like multiplier
 *   out         int8   [out_h][out_w][out_c]                         real = (q - out_zero) * out_scale
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes. Align: 1 byte. Order: pixels ascending, channels innermost; reads an output's taps before it writes.
 * Proof:   tests/firmware/operators/test_conv2d.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_CONV2D_H
#define EP_CONV2D_H

#include <stdint.h>

#include "ep_sums16.h"

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint16_t scale_step; /* 1: a multiplier per output channel; 0: one for all */
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t group_in_c, group_out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_conv2d_t;

void ep_conv2d_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out);

/* The same with weights packed as int4, two a byte (ep_weight.h). */
void ep_conv2d_int4_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out);

/*
 * The same from int16 to int16. `sums` holds what becomes of a sum, in place of the fields of `layer` on bias, scales,
 * zero points and clamps. A depthwise convolution has groups of one channel, its weights (out_c, kernel_h, kernel_w).
 */
void ep_conv2d_int16_ref(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_sums16_t *sums);

#endif
