#include "dsp/depthwise3x3.h"

#include <string.h>

/* Copies `count` pixels' int8 elements, `step` bytes apart, into an int16 row. */
static void widen_one(const int8_t *in, uint32_t step, uint32_t count, int16_t *row)
{
    for (; count != 0U; count--) {
        *row++ = *in;
        in += step;
    }
}

/* The same for two neighbouring channels at once, the second one's row `second` bytes behind the first one's. */
static void widen_two(const int8_t *in, uint32_t step, uint32_t count, int16_t *row, uint32_t second)
{
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    const uint32_t three_steps = 3U * step;
    for (; count >= 4U; count -= 4U) {
        __asm__ volatile(
            "ldrsh r2, [%[in]]\n"
            "ldrsh r3, [%[in], %[step]]\n"
            "ldrsh r4, [%[in], %[step], lsl #1]\n"
            "ldrsh r5, [%[in], %[three]]\n"
            "add %[in], %[in], %[step], lsl #2\n"
            "pkhbt r2, r2, r3, lsl #16\n"
            "pkhbt r4, r4, r5, lsl #16\n"
            "sxtb16 r3, r2, ror #8\n"
            "sxtb16 r2, r2\n"
            "str r3, [%[row], %[second]]\n"
            "str r2, [%[row]], #4\n"
            "sxtb16 r3, r4, ror #8\n"
            "sxtb16 r2, r4\n"
            "str r3, [%[row], %[second]]\n"
            "str r2, [%[row]], #4\n"
            : [in] "+r"(in), [row] "+r"(row)
            : [step] "r"(step), [three] "r"(three_steps), [second] "r"(second)
            : "r2", "r3", "r4", "r5", "memory");
    }
#endif
    for (; count != 0U; count--) {
        row[second / 2U] = in[1];
        *row++ = in[0];
        in += step;
    }
}

/* Moves the band of one or two channels down to the rows from output row `y` on. */
static void load_band(const ep_depthwise_dsp_t *layer, const int8_t *in, uint32_t y, uint32_t rows, uint32_t planes,
                      int16_t *plane)
{
    const uint32_t stride = layer->stride;
    const uint32_t height = rows * stride + 3U - stride;
    const uint32_t kept = y == 0U ? 0U : 3U - stride;
    const uint32_t second = planes == 2U ? layer->plane_bytes : 0U;
    if (kept != 0U) {
        const uint32_t moved = layer->band_rows * stride * layer->plane_row;
        memcpy(plane, plane + moved, 2U * kept * layer->plane_row);
        memcpy(plane + second / 2U, plane + second / 2U + moved, 2U * kept * layer->plane_row);
    }
    const int32_t first = (int32_t)(y * stride) - layer->pad_rows_before;
    int16_t *middle = plane + kept * layer->plane_row + layer->pad_before;
    for (uint32_t row = kept; row < height; row++, middle += layer->plane_row) {
        const int32_t image_row = first + (int32_t)row;
        const int8_t *const from = in + image_row * (int32_t)layer->in_row_step;
        if (image_row < 0 || image_row >= layer->in_rows) {
            if (layer->band_rows < layer->out_rows) {
                widen_one(&layer->in_zero, 0, layer->in_length, middle);
                widen_one(&layer->in_zero, 0, layer->in_length, middle + second / 2U);
            }
        } else if (planes == 2U) {
            widen_two(from, layer->in_step, layer->in_length, middle, second);
        } else {
            widen_one(from, layer->in_step, layer->in_length, middle);
        }
    }
}

void ep_depthwise_dsp(const ep_depthwise_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int16_t *const plane = scratch;
    const uint32_t *channel = layer->channels;
    const uint32_t most = layer->in_c < 2U ? 1U : 2U;
    widen_one(&layer->in_zero, 0, most * layer->plane_bytes / 2U, plane);
    uint32_t planes = most;
    for (uint32_t c = 0; c < layer->in_c; c += planes) {
        planes = layer->in_c - c < 2U ? 1U : 2U;
        for (uint32_t y = 0; y < layer->out_rows; y += layer->band_rows) {
            const uint32_t left = layer->out_rows - y;
            const uint32_t rows = left < layer->band_rows ? left : layer->band_rows;
            load_band(layer, in + c, y, rows, planes, plane);
            int8_t *const at = out + c + y * layer->out_row_step;
            layer->rows(plane, channel, at, rows);
            if (planes == 2U) {
                layer->rows(plane + layer->plane_bytes / 2U, channel + layer->channel_words, at + 1, rows);
            }
        }
        channel += planes * layer->channel_words;
    }
}
