/*
 * Depthwise convolution from int16 to int16 on a core with the DSP extension, four channels at a time; any window, one
 * filter a channel.
 *
 *   out = clamp(round((bias + sum) * factor / 2^32)), halves upwards: what ep_sums16.h states for these factors
 *
 *   weights  words  [(channels + 3) / 4][kernel_h * kernel_w]  bytes of channels 0, 2, 1, 3 of four
 *   bias     int32  [channels]
 *   factor   int32  [channels]  multiplier * 2^(32 - shift)
 *
 * Range:   sums inside int32, shifts in 16..32; proved in edgeprune/engine/kernels/dsp/depthwise16.py.
 * Scratch: 0 bytes. Align: 4 bytes for weights, 2 for images. Order: as ep_depthwise.h.
 * Proof:   tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_DEPTHWISE_INT16_H
#define EP_DSP_DEPTHWISE_INT16_H

#include "ep_conv2d.h"

typedef struct {
    const uint32_t *weights;
    const int32_t *bias;
    const int32_t *factor;
    int16_t out_min, out_max;
} ep_depthwise16_t;

void ep_depthwise_int16_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_depthwise16_t *filters);

#endif
