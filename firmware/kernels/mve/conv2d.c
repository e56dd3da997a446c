#include "mve/conv2d.h"

#include <string.h>

#include "ep_fixed_point.h"
#include "mve/vector.h"

/* The window of output pixel (y, x) in one piece; what lies outside the image is the zero point. */
static void load_column(const ep_conv2d_mve_t *layer, const int8_t *in, int32_t y, int32_t x, int8_t *column)
{
    const int32_t in_c = layer->in_c;
    const int32_t row_bytes = layer->in_w * in_c;
    const int32_t segment = layer->kernel_w * in_c;
    const int32_t top = y * layer->stride_h - layer->pad_top;
    const int32_t left = x * layer->stride_w - layer->pad_left;
    int32_t first = 0;
    int32_t last = layer->kernel_h;
    int32_t blank = 0; /* bytes of a segment left of the image */
    int32_t count = segment;
    if (top < 0 || left < 0 || top + layer->kernel_h > layer->in_h || left + layer->kernel_w > layer->in_w) {
        memset(column, layer->in_zero, (uint32_t)(layer->kernel_h * segment));
        first = top < 0 ? -top : 0;
        last = ep_clamp(layer->in_h - top, 0, layer->kernel_h);
        blank = left < 0 ? -left * in_c : 0;
        count = ep_clamp((layer->in_w - left) * in_c, 0, segment) - blank;
    }
    const int8_t *from = in + (top + first) * row_bytes + left * in_c + blank;
    column += first * segment + blank;
    for (int32_t row = first; row < last; row++) {
        ep_mve_copy(column, from, (uint32_t)count);
        column += segment;
        from += row_bytes;
    }
}

/* The channels behind the last group of four, one pixel. */
static void single_channels(const ep_conv2d_mve_t *layer, const int32_t *stream, const int8_t *column, int8_t *out)
{
    const uint32_t taps = (uint32_t)layer->kernel_h * layer->kernel_w * layer->in_c;
    for (uint32_t channel = layer->out_c & ~3U; channel < layer->out_c; channel++) {
        const int32_t acc = ep_mve_dot(column, (const int8_t *)(stream + 3), taps, stream[0]);
        const int32_t scaled = ep_requant(acc, stream[1], stream[2]) + layer->out_zero;
        *out++ = (int8_t)ep_clamp(scaled, layer->out_min, layer->out_max);
        stream += 3U + (taps + 3U) / 4U;
    }
}

void ep_conv2d_mve(const ep_conv2d_mve_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t taps = (uint32_t)layer->kernel_h * layer->kernel_w * layer->in_c;
    int8_t *const a = scratch;
    int8_t *const b = a + ((taps + 15U) & ~15U);
    int32_t y = 0;
    int32_t x = 0;
    ep_mve_tile_job_t job;
    job.column_a = a;
    job.steps = taps / 16U;
    job.tail = taps % 16U;
    job.out_zero = layer->out_zero;
    job.out_min = layer->out_min;
    job.out_max = layer->out_max;
    for (uint32_t left = (uint32_t)layer->out_h * layer->out_w; left != 0U;) {
        const uint32_t pixels = left < 2U ? 1U : 2U;
        job.column_b = pixels == 2U ? b : a;
        job.out_a = out;
        job.out_b = out + (pixels - 1U) * layer->out_c;
        job.groups = layer->out_c / 4U;
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            load_column(layer, in, y, x, pixel == 0U ? a : b);
            x++;
            if (x == layer->out_w) {
                x = 0;
                y++;
            }
        }
        const int32_t *const rest = layer->tile(&job, layer->stream);
        if ((layer->out_c & 3U) != 0U) {
            single_channels(layer, rest, job.column_a, job.out_a);
            single_channels(layer, rest, job.column_b, job.out_b);
        }
        out += pixels * layer->out_c;
        left -= pixels;
    }
}
