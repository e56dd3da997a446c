#include "ep_some_channels.h"

#include "ep_fixed_point.h"

/* Sum over filter k; y and x are the input position of its first tap, maybe outside. */
static uint32_t filter_sum(const ep_some_channels_t *layer, const int8_t *in, int32_t k, int32_t y, int32_t x)
{
    const int8_t *tap = layer->weights + k * layer->kernel_h * layer->kernel_w * layer->group_in_c;
    const int8_t *const group = in + layer->channels[k] / layer->group_out_c * layer->group_in_c;
    uint32_t sum = (uint32_t)layer->bias[k];
    for (int32_t i = 0; i < layer->kernel_h; i++) {
        const int32_t row = y + i * layer->dilation_h;
        for (int32_t j = 0; j < layer->kernel_w; j++, tap += layer->group_in_c) {
            const int32_t column = x + j * layer->dilation_w;
            if (row < 0 || row >= layer->in_h || column < 0 || column >= layer->in_w) {
                continue;
            }
            const int8_t *const pixel = group + (row * layer->in_w + column) * layer->in_c;
            for (int32_t c = 0; c < layer->group_in_c; c++) {
                sum += (uint32_t)((pixel[c] - layer->in_zero) * tap[c]);
            }
        }
    }
    return sum;
}

void ep_some_channels_ref(const ep_some_channels_t *layer, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++, out += layer->out_pixel) {
            for (int32_t k = 0; k < layer->count; k++) {
                const uint32_t sum = filter_sum(layer, in, k, y * layer->stride_h - layer->pad_top,
                                                x * layer->stride_w - layer->pad_left);
                const int32_t acc =
                    ep_requant_add((int32_t)sum, layer->multiplier[k], layer->shift[k], layer->out_zero);
                out[layer->channels[k]] = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
            }
        }
    }
}
