/*
 * Mean of every channel over all pixels, int8 in, int8 out.
 *
 *   ep_channel_mean_dsp     out[c] = clamp(requant(sum_p (in[p][c] - in_zero)) + out_zero, -128, 127), rounded twice:
 *                           MEAN over height and width
 *   ep_channel_average_dsp  out[c] = clamp(sum_p in[p][c] / pixels, out_min, out_max), halves away from zero:
 *                           AVERAGE_POOL_2D whose window is the image
 *
 *   in   int8  [pixels][channels]
 *   out  int8  [channels]
 *
 * Four channels at a time: two SXTAB16 a pixel.
 *
 * Range:   |sum| < 2^31. Scratch: 0 bytes. Align: 1 byte.
 * Order:   channels ascending, a channel is read before it is written: in place.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DSP_CHANNEL_MEAN_H
#define EP_DSP_CHANNEL_MEAN_H

#include <stdint.h>

typedef struct {
    uint32_t pixels;
    uint16_t channels;
    int16_t in_zero, out_zero;
    int32_t multiplier, shift; /* as in ep_reduce.h */
} ep_channel_mean_t;

typedef struct {
    uint32_t pixels;
    uint16_t channels;
    int16_t out_min, out_max;
} ep_channel_average_t;

void ep_channel_mean_dsp(const ep_channel_mean_t *layer, const int8_t *in, int8_t *out);
void ep_channel_average_dsp(const ep_channel_average_t *layer, const int8_t *in, int8_t *out);

#endif
