/*
 * Some output channels of a convolution or a depthwise one, written between the others'.
 *
 *   acc[y][x][k] = bias[k] + sum_ijc (in[y * stride_h - pad_top + i * dilation_h][...][g + c] - in_zero)
 *                                    * weights[k][i][j][c],   taps outside the image count nothing
 *   out[y][x][channels[k]] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice (ep_fixed_point.h)
 *   g            = channels[k] / group_out_c * group_in_c, the first input channel that filter k reads
 *
 *   in          int8   [in_h][in_w][in_c]                          real = (q - in_zero) * in_scale
 *   weights     int8   [count][kernel_h][kernel_w][group_in_c]     real = q * weight_scale[k]
 *   bias        int32  [count]                                     scale in_scale * weight_scale[k]
 *   multiplier  int32  [count]                                     in_scale * weight_scale[k] / out_scale
 *   shift       int8   [count]
 *   channels    uint16 [count]                                     where the channel lies in a pixel
 *   out         int8   [out_h][out_w], pixels out_pixel bytes apart   real = (q - out_zero) * out_scale
 *
 * A depthwise layer has group_in_c 1.
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes. Align: 1 byte. Order: the input is read while the output is written, so they lie apart.
 * Proof:   tests/firmware/files_of_others/test_odd_channels.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SOME_CHANNELS_H
#define EP_SOME_CHANNELS_H

#include <stdint.h>

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    const uint16_t *channels;
    uint16_t count;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_pixel;
    uint16_t group_in_c, group_out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_top, pad_left;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_some_channels_t;

void ep_some_channels_ref(const ep_some_channels_t *layer, const int8_t *in, int8_t *out);

#endif
