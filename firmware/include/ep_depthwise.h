/*
 * Depthwise convolution, int8 in, int8 out: output channel o reads input channel o / multiplier_c alone.
 *
 *   acc[y][x][o] = bias[o] + sum_ij (in[y * stride_h - pad_top + i * dilation_h][...][o / multiplier_c] - in_zero)
 *                                   * weights[i][j][o],   taps outside the image count nothing
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (ep_fixed_point.h)
 *
 *   in          int8   [in_h][in_w][in_c]                        real = (q - in_zero) * in_scale
 *   weights     int8   [kernel_h][kernel_w][out_c]               real = q * weight_scale[o]
 *   bias        int32  [out_c] or NULL                           scale in_scale * weight_scale[o]
 *   multiplier  int32  [out_c], or [1] with scale_step 0         in_scale * weight_scale[o] / out_scale
 *   shift       int8   like multiplier
 *   out         int8   [out_h][out_w][out_c = in_c * multiplier_c]   real = (q - out_zero) * out_scale
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes. Align: 1 byte. Order: pixels ascending, channels innermost; reads an output's taps before it writes.
 * Proof:   tests/firmware/operators/test_conv2d.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DEPTHWISE_H
#define EP_DEPTHWISE_H

#include <stdint.h>

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint16_t scale_step; /* 1: a multiplier per output channel; 0: one for all */
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, multiplier_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_depthwise_t;

void ep_depthwise_ref(const ep_depthwise_t *layer, const int8_t *in, int8_t *out);

/* The same with weights packed as int4, two a byte (ep_weight.h). */
void ep_depthwise_int4_ref(const ep_depthwise_t *layer, const int8_t *in, int8_t *out);

#endif
