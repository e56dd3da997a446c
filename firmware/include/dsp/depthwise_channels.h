/*
 * Depthwise convolution with few output pixels, int8 in, int8 out: four channels at a time. A stream's layer that makes
 * one row a step, or one over the whole image.
 *
 *   acc[y][x][c] = bias[c] + sum_t in[y * stride_h][x * stride_w + t steps][c] * weight[t][c]      t = 0 .. taps - 1
 *   out[y][x][c] = the requantization of acc[y][x][c]
 *
 *   in        int8   any image; no tap lies outside, taps are `tap_step` bytes apart
 *   out       int8   [out_h][out_w][channels], channels >= 4
 *   blocks    words  for four channels: biases with the input's zero point folded in; for two taps t and t + 1, bytes
 *                    [c0 t, c1 t, c0 t + 1, c1 t + 1] and the same of c2 and c3, zeros behind the last tap; the
 *                    constants of dsp/tile.h, channel a, of each (TWO: factor, offset; EXACT: multiplier, offset, e)
 *                    The last block takes the last four channels, some of them again.
 *
 * Range:   |acc| < 2^30, proved in edgeprune/engine/kernels/dsp/depthwise_channels.py.
 * Scratch: 0 bytes. Align: 4 bytes for blocks.
 * Order:   pixels ascending; four channels of a pixel are read before they are written.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DSP_DEPTHWISE_CHANNELS_H
#define EP_DSP_DEPTHWISE_CHANNELS_H

#include <stdint.h>

typedef struct {
    const uint32_t *blocks;
    uint32_t tap_step;                    /* bytes */
    uint32_t out_w_step, out_h_step;      /* bytes of the image between outputs, along a row and from row to row */
    uint16_t channels, taps;
    uint16_t out_h, out_w;
    uint8_t constants;                    /* words a channel: 2 (TWO) or 3 (EXACT) */
    uint8_t shift;                        /* of TWO */
    int16_t out_min, out_max;
} ep_depthwise_channels_t;

void ep_depthwise_channels_dsp(const ep_depthwise_channels_t *layer, const int8_t *in, int8_t *out);

#endif
