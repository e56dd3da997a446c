#include "dsp/depthwise3x3.h"

#include <string.h>

#include "dsp/widen.h"
#include "ep_fixed_point.h"

/* Rows above or below the image. They stay as they are where one band holds the whole plane. */
static void blank_rows(const ep_depthwise_dsp_t *layer, int16_t *row, uint32_t count, uint32_t second)
{
    for (; count != 0U; count--, row += layer->plane_row) {
        ep_widen_one(&layer->in_zero, 0, layer->in_length, row);
        ep_widen_one(&layer->in_zero, 0, layer->in_length, row + second / 2U);
    }
}

/* Moves the band of one or two channels down to the rows from output row `y` on. */
static void load_band(const ep_depthwise_dsp_t *layer, const int8_t *in, uint32_t y, uint32_t rows, uint32_t second,
                      int16_t *plane)
{
    const int32_t stride = layer->stride;
    const int32_t row_elements = layer->plane_row;
    int32_t from = (int32_t)y * stride - layer->pad_rows_before;
    const int32_t to = from + (int32_t)rows * stride + 3 - stride;
    if (y != 0U) {
        const uint32_t kept = 3U - layer->stride;
        const int16_t *const moved = plane + layer->band_rows * layer->stride * layer->plane_row;
        memcpy(plane, moved, 2U * kept * layer->plane_row);
        memcpy(plane + second / 2U, moved + second / 2U, 2U * kept * layer->plane_row);
        plane += (int32_t)kept * row_elements;
        from += (int32_t)kept;
    }
    plane += layer->pad_before;
    const int32_t first = ep_clamp(0, from, to);
    const int32_t last = ep_clamp(layer->in_rows, first, to);
    if (layer->band_rows < layer->out_rows) {
        blank_rows(layer, plane, (uint32_t)(first - from), second);
        blank_rows(layer, plane + (last - from) * row_elements, (uint32_t)(to - last), second);
    }
    plane += (first - from) * row_elements;
    in += first * layer->in_row_step;
    const uint32_t step = layer->in_step;
    const uint32_t length = layer->in_length;
    if (second == 0U) {
        for (int32_t row = first; row < last; row++, plane += row_elements, in += layer->in_row_step) {
            ep_widen_one(in, step, length, plane);
        }
    } else {
        for (int32_t row = first; row < last; row++, plane += row_elements, in += layer->in_row_step) {
            ep_widen_two(in, step, length, plane, second);
        }
    }
}

void ep_depthwise_dsp(const ep_depthwise_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int16_t *const plane = scratch;
    const uint32_t *channel = layer->channels;
    const uint32_t most = layer->in_c < 2U ? 1U : 2U;
    ep_widen_one(&layer->in_zero, 0, most * layer->plane_bytes / 2U, plane);
    uint32_t planes = most;
    for (uint32_t c = 0; c < layer->in_c; c += planes) {
        planes = layer->in_c - c < 2U ? 1U : 2U;
        for (uint32_t y = 0; y < layer->out_rows; y += layer->band_rows) {
            const uint32_t left = layer->out_rows - y;
            const uint32_t rows = left < layer->band_rows ? left : layer->band_rows;
            load_band(layer, in + c, y, rows, planes == 2U ? layer->plane_bytes : 0U, plane);
            int8_t *const at = out + c + y * layer->out_row_step;
            layer->rows(plane, channel, at, rows);
            if (planes == 2U) {
                layer->rows(plane + layer->plane_bytes / 2U, channel + layer->channel_words, at + 1, rows);
            }
        }
        channel += planes * layer->channel_words;
    }
}
