#include "vector/conv2d.h"

#include <string.h>

#include "vector/dot.h"

#define PIXELS 4

#define BLOCK 16

/* Blocks of a size that compilers know are copied by a load and a store; the last two may overlap. */
static void copy(int8_t *restrict to, const int8_t *restrict from, int32_t count)
{
    if (count < BLOCK) {
        memcpy(to, from, (size_t)count);
        return;
    }
    for (int32_t at = 0; at <= count - BLOCK; at += BLOCK) {
        __builtin_memcpy(to + at, from + at, BLOCK);
    }
    __builtin_memcpy(to + count - BLOCK, from + count - BLOCK, BLOCK);
}

/* Taps of one output pixel in a line, where all are inside and side by side; `first` is the first of them. */
static void copy_column(const ep_conv2d_vector_t *layer, const int8_t *first, int8_t *column)
{
    const int32_t span = layer->kernel_w * layer->in_c, step = layer->dilation_h * layer->in_w * layer->in_c;
    for (int32_t i = 0; i < layer->kernel_h; i++, first += step, column += span) {
        copy(column, first, span);
    }
}

/* The same anywhere; y and x are the input position of the first tap, maybe outside. */
static void fill_column(const ep_conv2d_vector_t *layer, const int8_t *in, int32_t y, int32_t x, int8_t *column)
{
    const int32_t in_c = layer->in_c;
    for (int32_t i = 0; i < layer->kernel_h; i++) {
        const int32_t row = y + i * layer->dilation_h;
        for (int32_t j = 0; j < layer->kernel_w; j++, column += in_c) {
            const int32_t at = x + j * layer->dilation_w;
            if (row < 0 || row >= layer->in_h || at < 0 || at >= layer->in_w) {
                memset(column, layer->in_zero, (size_t)in_c);
            } else {
                copy(column, in + (row * layer->in_w + at) * in_c, in_c);
            }
        }
    }
}

static int is_inside(const ep_conv2d_vector_t *layer, int32_t y, int32_t x)
{
    return layer->dilation_w == 1 && y >= 0 && x >= 0 && x + layer->kernel_w <= layer->in_w &&
           y + (layer->kernel_h - 1) * layer->dilation_h < layer->in_h;
}

void ep_conv2d_vector(const ep_conv2d_vector_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int32_t *sums = scratch;
    int8_t *columns = (int8_t *)(sums + PIXELS * layer->channels);
    const int32_t pixels = layer->out_h * layer->out_w;
    int32_t y = -layer->pad_top, x = -layer->pad_left, column = 0;
    for (int32_t first = 0; first < pixels; first += PIXELS) {
        const int32_t count = pixels - first < PIXELS ? pixels - first : PIXELS;
        const int8_t *line[PIXELS];
        for (int32_t p = 0; p < PIXELS; p++) {
            if (p >= count) {
                line[p] = line[p - 1]; /* computed, and not written */
            } else if (layer->is_direct != 0) {
                line[p] = in + (first + p) * layer->in_c;
            } else {
                line[p] = columns + p * layer->taps;
                if (is_inside(layer, y, x)) {
                    copy_column(layer, in + (y * layer->in_w + x) * layer->in_c, columns + p * layer->taps);
                } else {
                    fill_column(layer, in, y, x, columns + p * layer->taps);
                }
                x += layer->stride_w;
                if (++column == layer->out_w) {
                    column = 0;
                    x = -layer->pad_left;
                    y += layer->stride_h;
                }
            }
        }
        ep_vector_dot4(line, layer->weights, layer->taps, sums, layer->channels);
        for (int32_t p = 0; p < count; p++, out += layer->out_pixel) {
            ep_vector_finish_twice(&layer->scales, sums + p * layer->channels, out, layer->out_c);
        }
    }
}
