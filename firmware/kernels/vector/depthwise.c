#include "vector/depthwise.h"

#include <string.h>

#define TOGETHER 9

/* Two products as int16: 2 * 128 * 127 fits. */
#define PAIR(i, j) ((int16_t)(x##i[c] * w##i[c] + x##j[c] * w##j[c]))

/* sums[c] = the products of nine taps. */
static void nine_taps(const int8_t *const taps[TOGETHER], const int8_t *w, int32_t *restrict sums, int32_t channels)
{
    const int8_t *x0 = taps[0], *x1 = taps[1], *x2 = taps[2], *x3 = taps[3], *x4 = taps[4], *x5 = taps[5];
    const int8_t *x6 = taps[6], *x7 = taps[7], *x8 = taps[8];
    const int8_t *w0 = w, *w1 = w0 + channels, *w2 = w1 + channels, *w3 = w2 + channels, *w4 = w3 + channels;
    const int8_t *w5 = w4 + channels, *w6 = w5 + channels, *w7 = w6 + channels, *w8 = w7 + channels;
    for (int32_t c = 0; c < channels; c++) {
        sums[c] = PAIR(0, 1) + PAIR(2, 3) + PAIR(4, 5) + PAIR(6, 7) + x8[c] * w8[c];
    }
}

/* sums[c] += the products of three taps. */
static void three_taps(const int8_t *const taps[3], const int8_t *w, int32_t *restrict sums, int32_t channels)
{
    const int8_t *x0 = taps[0], *x1 = taps[1], *x2 = taps[2];
    const int8_t *w0 = w, *w1 = w0 + channels, *w2 = w1 + channels;
    for (int32_t c = 0; c < channels; c++) {
        sums[c] += PAIR(0, 1) + x2[c] * w2[c];
    }
}

/* The tap with this number of a window that begins at row y and column x; `outside` where it is not in the image. */
static const int8_t *tap_at(const ep_depthwise_vector_t *layer, const int8_t *in, int32_t y, int32_t x, int32_t number,
                            const int8_t *outside)
{
    const int32_t i = number / layer->kernel_w, j = number % layer->kernel_w;
    const int32_t row = y + i * layer->dilation_h, column = x + j * layer->dilation_w;
    if (i >= layer->kernel_h || row < 0 || row >= layer->in_h || column < 0 || column >= layer->in_w) {
        return outside;
    }
    return in + (row * layer->in_w + column) * layer->in_c;
}

void ep_depthwise_vector(const ep_depthwise_vector_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const int32_t channels = layer->in_c, count = layer->kernel_h * layer->kernel_w;
    int32_t *sums = scratch;
    int8_t *outside = (int8_t *)(sums + channels);
    memset(outside, layer->in_zero, (size_t)channels);
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++, out += channels) {
            const int32_t top = y * layer->stride_h - layer->pad_top, left = x * layer->stride_w - layer->pad_left;
            const int8_t *taps[TOGETHER];
            int32_t next = 0;
            if (count >= TOGETHER) {
                for (; next < TOGETHER; next++) {
                    taps[next] = tap_at(layer, in, top, left, next, outside);
                }
                nine_taps(taps, layer->weights, sums, channels);
            } else {
                memset(sums, 0, sizeof(int32_t) * (size_t)channels);
            }
            for (; next < count; next += 3) {
                for (int32_t i = 0; i < 3; i++) {
                    taps[i] = tap_at(layer, in, top, left, next + i, outside);
                }
                three_taps(taps, layer->weights + next * channels, sums, channels);
            }
            ep_vector_finish_twice(&layer->scales, sums, out, channels);
        }
    }
}
