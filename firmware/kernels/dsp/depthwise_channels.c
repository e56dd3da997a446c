#include "dsp/depthwise_channels.h"

#include "dsp/arith.h"

#define BLOCK 4U

/* Adds two taps of four channels; returns the weights behind them. */
static inline const uint32_t *add_two(const int8_t *first, const int8_t *second, const uint32_t *weights, int32_t acc[BLOCK])
{
    const uint32_t a = ep_load_word(first);
    const uint32_t b = ep_load_word(second);
    const uint32_t low = ep_pack((int32_t)a, (int32_t)b);
    const uint32_t high = ep_pack_high(a, b);
    acc[0] = ep_smlad(ep_sxtb16(low), ep_sxtb16(weights[0]), acc[0]);
    acc[1] = ep_smlad(ep_sxtb16_ror8(low), ep_sxtb16_ror8(weights[0]), acc[1]);
    acc[2] = ep_smlad(ep_sxtb16(high), ep_sxtb16(weights[1]), acc[2]);
    acc[3] = ep_smlad(ep_sxtb16_ror8(high), ep_sxtb16_ror8(weights[1]), acc[3]);
    return weights + 2;
}

static int32_t finish(const ep_depthwise_channels_t *layer, const int32_t *constants, int32_t acc)
{
    if (layer->constants == 2U) {
        return ep_saturate8(ep_smmla(acc, constants[0], constants[1]) >> layer->shift);
    }
    const int32_t value = ep_smmlar(acc * 2, constants[0], constants[1] + (acc >> 31)) >> constants[2];
    return value < layer->out_min ? layer->out_min : (value > layer->out_max ? layer->out_max : value);
}

static void one_pixel(const ep_depthwise_channels_t *layer, const int8_t *in, int8_t *out)
{
    const uint32_t step = layer->tap_step;
    const uint32_t *block = layer->blocks;
    for (uint32_t c = 0; c < layer->channels; c += BLOCK) {
        if (c + BLOCK > layer->channels) {
            c = layer->channels - BLOCK;
        }
        int32_t acc[BLOCK] = {(int32_t)block[0], (int32_t)block[1], (int32_t)block[2], (int32_t)block[3]};
        const int8_t *at = in + c;
        block += BLOCK;
        for (uint32_t pairs = layer->taps / 2U; pairs != 0U; pairs--, at += 2U * step) {
            block = add_two(at, at + step, block, acc);
        }
        if (layer->taps % 2U != 0U) {
            block = add_two(at, at, block, acc); /* the second one's weights are 0 */
        }
        for (uint32_t i = 0; i < BLOCK; i++) {
            out[c + i] = (int8_t)finish(layer, (const int32_t *)block, acc[i]);
            block += layer->constants;
        }
    }
}

void ep_depthwise_channels_dsp(const ep_depthwise_channels_t *layer, const int8_t *in, int8_t *out)
{
    for (uint32_t y = 0; y < layer->out_h; y++) {
        for (uint32_t x = 0; x < layer->out_w; x++) {
            one_pixel(layer, in + y * layer->out_h_step + x * layer->out_w_step, out);
            out += layer->channels;
        }
    }
}
