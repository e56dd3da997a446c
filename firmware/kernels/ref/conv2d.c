#include "ep_conv2d.h"

#include <stddef.h>

#include "ep_fixed_point.h"
#include "ep_weight.h"

/* Sum over the filter that starts at weight `filter`; y and x are the input position of its first tap, maybe outside. */
EP_INLINE uint32_t window_sum(const ep_conv2d_t *layer, const int8_t *in, int32_t filter, int32_t y, int32_t x,
                              ep_weight_t weight)
{
    uint32_t acc = 0;
    for (int32_t i = 0; i < layer->kernel_h; i++) {
        const int32_t row = y + i * layer->dilation_h;
        if (row < 0 || row >= layer->in_h) {
            continue;
        }
        for (int32_t j = 0; j < layer->kernel_w; j++) {
            const int32_t column = x + j * layer->dilation_w;
            if (column < 0 || column >= layer->in_w) {
                continue;
            }
            const int8_t *pixel = in + (row * layer->in_w + column) * layer->in_c;
            const int32_t tap = filter + (i * layer->kernel_w + j) * layer->group_in_c;
            for (int32_t c = 0; c < layer->group_in_c; c++) {
                acc += (uint32_t)((pixel[c] - layer->in_zero) * weight(layer->weights, tap + c));
            }
        }
    }
    return acc;
}

EP_INLINE void conv2d(const ep_conv2d_t *layer, const int8_t *in, int8_t *out, ep_weight_t weight)
{
    const int32_t filter_len = layer->kernel_h * layer->kernel_w * layer->group_in_c;
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            for (int32_t o = 0; o < layer->out_c; o++) {
                const int8_t *group = in + o / layer->group_out_c * layer->group_in_c;
                uint32_t sum = window_sum(layer, group, o * filter_len, y * layer->stride_h - layer->pad_top,
                                          x * layer->stride_w - layer->pad_left, weight);
                sum += layer->bias != NULL ? (uint32_t)layer->bias[o] : 0U;
                const int32_t scale = o * layer->scale_step;
                const int32_t acc =
                    ep_requant_add((int32_t)sum, layer->multiplier[scale], layer->shift[scale], layer->out_zero);
                *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
            }
        }
    }
}

void ep_conv2d_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out)
{
    conv2d(layer, in, out, ep_weight_int8);
}

void ep_conv2d_int4_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out)
{
    conv2d(layer, in, out, ep_weight_int4);
}
