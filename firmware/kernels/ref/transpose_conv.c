#include "ep_transpose_conv.h"

#include <stddef.h>

#include "ep_fixed_point.h"

/* Sum over the taps of one filter that input pixels put on output (y - pad_top, x - pad_left). */
static uint32_t gathered_sum(const ep_transpose_conv_t *layer, const int8_t *in, const int8_t *filter, int32_t y,
                             int32_t x)
{
    uint32_t acc = 0;
    for (int32_t i = y % layer->stride_h; i < layer->kernel_h && i <= y; i += layer->stride_h) {
        const int32_t row = (y - i) / layer->stride_h;
        if (row >= layer->in_h) {
            continue;
        }
        for (int32_t j = x % layer->stride_w; j < layer->kernel_w && j <= x; j += layer->stride_w) {
            const int32_t column = (x - j) / layer->stride_w;
            if (column >= layer->in_w) {
                continue;
            }
            const int8_t *pixel = in + (row * layer->in_w + column) * layer->in_c;
            const int8_t *tap = filter + (i * layer->kernel_w + j) * layer->in_c;
            for (int32_t c = 0; c < layer->in_c; c++) {
                acc += (uint32_t)((pixel[c] - layer->in_zero) * tap[c]);
            }
        }
    }
    return acc;
}

void ep_transpose_conv_ref(const ep_transpose_conv_t *layer, const int8_t *in, int8_t *out)
{
    const int32_t filter_len = layer->kernel_h * layer->kernel_w * layer->in_c;
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            for (int32_t o = 0; o < layer->out_c; o++) {
                uint32_t sum = layer->bias != NULL ? (uint32_t)layer->bias[o] : 0U;
                sum += gathered_sum(layer, in, layer->weights + o * filter_len, y + layer->pad_top,
                                    x + layer->pad_left);
                const int32_t scale = o * layer->scale_step;
                const int32_t acc =
                    ep_requant_add((int32_t)sum, layer->multiplier[scale], layer->shift[scale], layer->out_zero);
                *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
            }
        }
    }
}
