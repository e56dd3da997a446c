#include "mve/conv2d.h"

#include <string.h>

#include "ep_fixed_point.h"
#include "mve/single_channels.h"

/* What a walk over the windows needs, kept out of memory that the copies might change. */
typedef struct {
    int32_t in_h, in_w, in_c;
    int32_t kernel_h, kernel_w;
    int32_t row_bytes, segment;
    int8_t zero;
} image_t;

/* The part of the window at (top, left) that lies in the image; all else is the zero point. */
static void load_border(const image_t *image, const int8_t *in, int32_t top, int32_t left, int8_t *column)
{
    const int32_t first = top < 0 ? -top : 0;
    const int32_t last = ep_clamp(image->in_h - top, 0, image->kernel_h);
    const int32_t blank = left < 0 ? -left * image->in_c : 0;
    const int32_t count = ep_clamp((image->in_w - left) * image->in_c, 0, image->segment) - blank;
    memset(column, image->zero, (uint32_t)(image->kernel_h * image->segment));
    for (int32_t row = first; row < last; row++) {
        ep_mve_copy(column + row * image->segment + blank, in + (top + row) * image->row_bytes + left * image->in_c + blank,
                    (uint32_t)count);
    }
}

/* The window at (top, left) in one piece. */
static inline void load_column(const image_t *image, const int8_t *in, int32_t top, int32_t left, int8_t *column)
{
    if (top < 0 || left < 0 || top + image->kernel_h > image->in_h || left + image->kernel_w > image->in_w) {
        load_border(image, in, top, left, column);
        return;
    }
    const int8_t *from = in + top * image->row_bytes + left * image->in_c;
    const int32_t row_bytes = image->row_bytes;
    const int32_t segment = image->segment;
    for (int32_t rows = image->kernel_h; rows != 0; rows--) {
        ep_mve_copy(column, from, (uint32_t)segment);
        column += segment;
        from += row_bytes;
    }
}

/* Of both pixels; apart from the loop, whose registers it would take. */
static __attribute__((noinline)) void single_channels(const ep_conv2d_mve_t *layer, const ep_mve_tile_job_t *job,
                                                      const int32_t *stream)
{
    const uint32_t taps = (uint32_t)layer->kernel_h * layer->kernel_w * layer->in_c;
    ep_mve_single_channels(job, stream, taps, layer->singles, job->column_a, job->out_a);
    ep_mve_single_channels(job, stream, taps, layer->singles, job->column_b, job->out_b);
}

void ep_conv2d_mve(const ep_conv2d_mve_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t taps = (uint32_t)layer->kernel_h * layer->kernel_w * layer->in_c;
    int8_t *const a = scratch;
    int8_t *const b = a + ((taps + 15U) & ~15U);
    const image_t image = {
        layer->in_h, layer->in_w, layer->in_c, layer->kernel_h, layer->kernel_w,
        layer->in_w * layer->in_c, layer->kernel_w * layer->in_c, (int8_t)layer->in_zero,
    };
    const int32_t stride_h = layer->stride_h;
    const int32_t stride_w = layer->stride_w;
    const int32_t before = -(int32_t)layer->pad_left;
    const int32_t behind = before + layer->out_w * stride_w;
    int32_t top = -(int32_t)layer->pad_top;
    int32_t left = before;
    ep_mve_tile_job_t job;
    job.column_a = a;
    job.steps = taps / 16U;
    job.tail = taps % 16U;
    job.out_zero = layer->out_zero;
    job.out_min = layer->out_min;
    job.out_max = layer->out_max;
    for (uint32_t remaining = (uint32_t)layer->out_h * layer->out_w; remaining != 0U;) {
        const uint32_t pixels = remaining < 2U ? 1U : 2U;
        job.column_b = pixels == 2U ? b : a;
        job.out_a = out;
        job.out_b = out + (pixels - 1U) * layer->out_pixel;
        job.groups = layer->groups;
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            load_column(&image, in, top, left, pixel == 0U ? a : b);
            left += stride_w;
            if (left == behind) {
                left = before;
                top += stride_h;
            }
        }
        const int32_t *const rest = layer->tile(&job, layer->stream);
        if (layer->singles != 0U) {
            single_channels(layer, &job, rest);
        }
        out += pixels * layer->out_pixel;
        remaining -= pixels;
    }
}
