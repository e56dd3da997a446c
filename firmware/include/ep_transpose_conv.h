/*
 * Transposed convolution, int8 in, int8 out: each input pixel spreads its filter over the output.
 *
 *   acc[y][x][o] = bias[o] + sum over taps (i, j) that hit (y, x): sum_c (in[r][s][c] - in_zero) * weights[o][i][j][c]
 *                  where r * stride_h + i - pad_top == y and s * stride_w + j - pad_left == x
 *   out[y][x][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (ep_fixed_point.h)
 *
 *   in          int8   [in_h][in_w][in_c]                    real = (q - in_zero) * in_scale
 *   weights     int8   [out_c][kernel_h][kernel_w][in_c]     real = q * weight_scale[o]
 *   bias        int32  [out_c] or NULL                       scale in_scale * weight_scale[o]
 *   multiplier  int32  [out_c], or [1] with scale_step 0     in_scale * weight_scale[o] / out_scale
 *   shift       int8   like multiplier
 *   out         int8   [out_h][out_w][out_c]                 real = (q - out_zero) * out_scale
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes (outputs gather what inputs would scatter). Align: 1 byte.
 * Proof:   tests/firmware/operators/test_transpose_conv.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_TRANSPOSE_CONV_H
#define EP_TRANSPOSE_CONV_H

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
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_transpose_conv_t;

void ep_transpose_conv_ref(const ep_transpose_conv_t *layer, const int8_t *in, int8_t *out);

/* The same from int16 to int16; `sums` as in ep_conv2d.h. */
void ep_transpose_conv_int16_ref(const ep_transpose_conv_t *layer, const int16_t *in, int16_t *out,
                                 const ep_sums16_t *sums);

#endif
