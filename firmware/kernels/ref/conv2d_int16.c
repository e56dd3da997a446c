#include "ep_conv2d.h"

/* Sum over filter `weights`; y and x are the input position of its first tap, maybe outside. */
static uint64_t window_sum(const ep_conv2d_t *layer, const int16_t *in, const int8_t *weights, int32_t y, int32_t x)
{
    int64_t acc = 0;
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
            const int16_t *pixel = in + (row * layer->in_w + column) * layer->in_c;
            const int8_t *tap = weights + (i * layer->kernel_w + j) * layer->group_in_c;
            for (int32_t c = 0; c < layer->group_in_c; c++) {
                acc += pixel[c] * tap[c];
            }
        }
    }
    return (uint64_t)acc;
}

void ep_conv2d_int16_ref(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_sums16_t *sums)
{
    const int32_t filter_len = layer->kernel_h * layer->kernel_w * layer->group_in_c;
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            for (int32_t o = 0; o < layer->out_c; o++) {
                const int16_t *group = in + o / layer->group_out_c * layer->group_in_c;
                const uint64_t sum = window_sum(layer, group, layer->weights + o * filter_len,
                                                y * layer->stride_h - layer->pad_top,
                                                x * layer->stride_w - layer->pad_left);
                *out++ = ep_sum_out(sums, o, sum);
            }
        }
    }
}
