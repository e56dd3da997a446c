#include "dsp/channel_mean.h"

#include "dsp/arith.h"
#include "ep_fixed_point.h"

#define GROUP 4U
#define LANE_PIXELS 255U /* as many int8 values as fit a 16-bit sum */

/* Sums of up to four neighbouring channels over all pixels. */
static void sum_channels(const int8_t *in, uint32_t pixels, uint32_t channels, uint32_t count, int32_t sums[GROUP])
{
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    if (count < GROUP) {
        for (; pixels != 0U; pixels--, in += channels) {
            for (uint32_t c = 0; c < count; c++) {
                sums[c] += in[c];
            }
        }
        return;
    }
    while (pixels != 0U) {
        const uint32_t taken = pixels < LANE_PIXELS ? pixels : LANE_PIXELS;
        uint32_t even = 0;
        uint32_t odd = 0;
#pragma GCC unroll 4
        for (uint32_t p = 0; p < taken; p++) {
            const uint32_t word = ep_load_word(in);
            even = ep_sxtab16(even, word);
            odd = ep_sxtab16_ror8(odd, word);
            in += channels;
        }
        sums[0] += ep_low_lane(even);
        sums[1] += ep_low_lane(odd);
        sums[2] += ep_high_lane(even);
        sums[3] += ep_high_lane(odd);
        pixels -= taken;
    }
}

void ep_channel_mean_dsp(const ep_channel_mean_t *layer, const int8_t *in, int8_t *out)
{
    const int32_t zeros = (int32_t)layer->pixels * layer->in_zero;
    for (uint32_t c = 0; c < layer->channels; c += GROUP) {
        const uint32_t left = layer->channels - c;
        const uint32_t count = left < GROUP ? left : GROUP;
        int32_t sums[GROUP];
        sum_channels(in + c, layer->pixels, layer->channels, count, sums);
        for (uint32_t k = 0; k < count; k++) {
            const int32_t mean = ep_requant_add(sums[k] - zeros, layer->multiplier, layer->shift, layer->out_zero);
            *out++ = (int8_t)ep_saturate8(mean);
        }
    }
}

void ep_channel_average_dsp(const ep_channel_average_t *layer, const int8_t *in, int8_t *out)
{
    const int32_t pixels = (int32_t)layer->pixels;
    for (uint32_t c = 0; c < layer->channels; c += GROUP) {
        const uint32_t left = layer->channels - c;
        const uint32_t count = left < GROUP ? left : GROUP;
        int32_t sums[GROUP];
        sum_channels(in + c, layer->pixels, layer->channels, count, sums);
        for (uint32_t k = 0; k < count; k++) {
            const int32_t mean = (sums[k] > 0 ? sums[k] + pixels / 2 : sums[k] - pixels / 2) / pixels;
            *out++ = (int8_t)ep_clamp(mean, layer->out_min, layer->out_max);
        }
    }
}
