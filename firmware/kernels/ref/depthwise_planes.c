#include "ep_depthwise_planes.h"

#include <string.h>

#include "ep_fixed_point.h"

/* The outputs first, first + phases, ... of a row, and the plane's columns under them. */
typedef struct {
    uint32_t first, count;
    uint32_t before, inside, behind; /* columns left of the image, in it, right of it */
    uint32_t from;                   /* the first one in the image */
    uint32_t rows;                   /* of the image that are read, where one band holds all */
} segment_t;

static segment_t segment_at(const ep_planes_t *layer, uint32_t first)
{
    const uint32_t left = (layer->out_length - first + layer->phases - 1U) / layer->phases;
    segment_t segment;
    segment.first = first;
    segment.count = left < layer->segment ? left : layer->segment;
    const int32_t dilation = layer->dilation;
    const int32_t columns = (int32_t)((segment.count - 1U) * layer->plane_stride) + layer->taps;
    const int32_t base = (int32_t)(first * layer->stride) - layer->pad;
    const int32_t before = ep_clamp(base < 0 ? (dilation - 1 - base) / dilation : 0, 0, columns);
    const int32_t from = base + before * dilation;
    const int32_t inside = ep_clamp((layer->in_length - from + dilation - 1) / dilation, 0, columns - before);
    segment.before = (uint32_t)before;
    segment.inside = (uint32_t)inside;
    segment.behind = (uint32_t)(columns - before - inside);
    segment.from = (uint32_t)from;
    const int32_t reach = (layer->out_rows - 1) * layer->row_stride + (layer->tap_rows - 1) * layer->row_dilation + 1;
    segment.rows = inside == 0 ? 0U : (uint32_t)ep_clamp(reach - layer->pad_rows, 0, layer->in_rows);
    return segment;
}

/* In the row of one channel, or of two `second` elements apart. */
static void fill(int16_t *row, uint32_t count, int32_t value, uint32_t second)
{
    for (; count != 0U; count--) {
        row[second] = (int16_t)value;
        *row++ = (int16_t)value;
    }
}

/* Moves the band down to the rows from output row `y` on; of the band above, what both read is kept. */
static void load_band(const ep_planes_t *layer, const segment_t *segment, const int8_t *in, uint32_t y, uint32_t rows,
                      int16_t *plane, uint32_t second)
{
    const int32_t span = (layer->tap_rows - 1) * layer->row_dilation + 1;
    const int32_t width = layer->plane_row;
    const uint32_t before = segment->before;
    const uint32_t inside = segment->inside;
    const int32_t zero = layer->in_zero + layer->raise;
    const uint32_t columns = before + inside + segment->behind;
    int32_t row = (int32_t)(y * layer->row_stride) - layer->pad_rows;
    const int32_t end = row + (int32_t)((rows - 1U) * layer->row_stride) + span;
    if (y != 0U && span > layer->row_stride) {
        const int32_t kept = span - layer->row_stride;
        const uint32_t kept_bytes = (uint32_t)(kept * width) * (uint32_t)sizeof *plane;
        const int16_t *const moved = plane + layer->band_rows * layer->row_stride * width;
        (void)memmove(plane, moved, kept_bytes);
        if (second != 0U) {
            (void)memmove(plane + second, moved + second, kept_bytes);
        }
        plane += kept * width;
        row += kept;
    }
    const int32_t first = ep_clamp(0, row, end);
    const int32_t last = inside == 0U ? first : ep_clamp(layer->in_rows, first, end);
    for (; row < first; row++, plane += width) {
        fill(plane, columns, zero, second);
    }
    in += (uint32_t)first * layer->in_row_step + segment->from * layer->in_step;
    for (; row < last; row++, plane += width, in += layer->in_row_step) {
        fill(plane, before, zero, second);
        fill(plane + before + inside, segment->behind, zero, second);
        layer->kernel.copy(in, layer->dilation * layer->in_step, inside, layer->raise, plane + before, second);
    }
    for (; row < end; row++, plane += width) {
        fill(plane, columns, zero, second);
    }
}

/* The same where one band holds all rows: the zero points around the image are there. */
static void load_image(const ep_planes_t *layer, const segment_t *segment, const int8_t *in, int16_t *plane,
                       uint32_t second)
{
    const uint32_t width = layer->plane_row;
    const uint32_t step = layer->dilation * layer->in_step;
    in += segment->from * layer->in_step;
    plane += layer->pad_rows * width + segment->before;
    for (uint32_t rows = segment->rows; rows != 0U; rows--, plane += width, in += layer->in_row_step) {
        layer->kernel.copy(in, step, segment->inside, layer->raise, plane, second);
    }
}

/* One or two channels: all bands of a segment. */
static void run_channels(const ep_planes_t *layer, const segment_t *segment, const int8_t *in, int8_t *out,
                         uint32_t channel, uint32_t channels, void *scratch)
{
    int32_t *const acc = scratch;
    int32_t *const taps = acc + layer->acc_words;
    int16_t *const planes = (int16_t *)(taps + layer->taps_words);
    const uint32_t multiplier = layer->multiplier_c;
    const uint32_t filter = (uint32_t)layer->taps * layer->tap_rows;
    const uint32_t second = channels == 2U ? layer->plane_elements : 0U;
    ep_plane_job_t job = {.taps = taps, .acc = acc, .step = layer->phases * layer->out_step, .count = segment->count};
    const uint32_t first = channel * multiplier;
    job.row_elements = (uint32_t)layer->row_stride * layer->plane_row;
    in += channel;
    out += first + segment->first * layer->out_step;
    for (uint32_t y = 0; y < layer->out_rows; y += layer->band_rows) {
        const uint32_t left = layer->out_rows - y;
        job.rows = left < layer->band_rows ? left : layer->band_rows;
        if (layer->band_rows == layer->out_rows) {
            load_image(layer, segment, in, planes, second);
        } else {
            load_band(layer, segment, in, y, job.rows, planes, second);
        }
        job.plane = planes;
        job.constants = layer->constants + 4U * first;
        job.weights = layer->weights + first * filter;
        int8_t *to = out + y * layer->out_row_step;
        for (uint32_t planes_left = channels; planes_left != 0U; planes_left--, job.plane += second) {
            for (uint32_t m = multiplier; m != 0U; m--) {
                job.out = to++;
                layer->kernel.run(layer, &job);
                job.constants += 4;
                job.weights += filter;
            }
        }
    }
}

void ep_depthwise_planes(const ep_planes_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t segment_outputs = (uint32_t)layer->segment * layer->phases;
    int16_t *const planes = (int16_t *)((int32_t *)scratch + layer->acc_words + layer->taps_words);
    for (uint32_t phase = 0; phase < layer->phases && phase < layer->out_length; phase++) {
        for (uint32_t first = phase; first < layer->out_length; first += segment_outputs) {
            const segment_t segment = segment_at(layer, first);
            fill(planes, (layer->in_c < 2U ? 1U : 2U) * layer->plane_elements, layer->in_zero + layer->raise, 0);
            for (uint32_t channel = 0; channel < layer->in_c; channel += 2U) {
                const uint32_t channels = layer->in_c - channel < 2U ? 1U : 2U;
                run_channels(layer, &segment, in, out, channel, channels, scratch);
            }
        }
    }
}
