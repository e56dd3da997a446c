#include "mve/depthwise_windows.h"

#include <arm_mve.h>

#include "ep_fixed_point.h"

#define BLOCK 16U
#define ROWS 4U
#define OUTPUTS 4U
#define BESIDE 3U /* words of a channel before its weights */

/* Outputs of a row, and the columns under them. */
typedef struct {
    uint32_t count;
    int32_t left;   /* of the first column, maybe outside */
    uint32_t columns;
} segment_t;

/* Interleaves four rows of up to 16 channels; a column every `column_bytes` of `words`. */
static void interleave(const int8_t *const rows[ROWS], const uint32_t steps[ROWS], uint32_t columns,
                       mve_pred16_t channels, int8_t *words, uint32_t column_bytes)
{
    const int8_t *row0 = rows[0];
    const int8_t *row1 = rows[1];
    const int8_t *row2 = rows[2];
    const int8_t *row3 = rows[3];
    for (; columns != 0U; columns--) {
        const int8x16x4_t four = {{vldrbq_z_s8(row0, channels), vldrbq_z_s8(row1, channels),
                                   vldrbq_z_s8(row2, channels), vldrbq_z_s8(row3, channels)}};
        vst4q_s8(words, four);
        __asm__("" : "+r"(words)); /* GCC 12 would count up in the store, which has no such form */
        words += column_bytes;
        row0 += steps[0];
        row1 += steps[1];
        row2 += steps[2];
        row3 += steps[3];
    }
}

/* The columns of one segment for up to 16 channels from `in` on, rows from image row `top` on. */
static void load_words(const ep_depthwise_windows_mve_t *layer, const segment_t *segment, const int8_t *in, int32_t top,
                       mve_pred16_t channels, const int8_t *blank, int8_t *words)
{
    const uint32_t column_bytes = layer->groups * BLOCK * ROWS;
    const int32_t columns = (int32_t)segment->columns;
    const int32_t before = ep_clamp(-segment->left, 0, columns);
    const int32_t inside = ep_clamp(layer->in_w - segment->left, before, columns) - before;
    const int8_t *const from = in + (uint32_t)(segment->left + before) * layer->in_step;
    for (uint32_t group = 0; group < layer->groups; group++, words += BLOCK * ROWS) {
        const int8_t *rows[ROWS];
        const int8_t *blanks[ROWS];
        uint32_t steps[ROWS];
        const uint32_t still[ROWS] = {0};
        for (uint32_t i = 0; i < ROWS; i++) {
            const uint32_t tap = ROWS * group + i;
            const int32_t row = top + (int32_t)(tap * layer->dilation_h);
            const uint32_t is_read = tap < layer->kernel_h && row >= 0 && row < layer->in_h;
            rows[i] = is_read ? from + (uint32_t)row * layer->in_row_step : blank;
            steps[i] = is_read ? layer->in_step : 0U;
            blanks[i] = blank;
        }
        interleave(blanks, still, (uint32_t)before, channels, words, column_bytes);
        interleave(rows, steps, (uint32_t)inside, channels, words + (uint32_t)before * column_bytes, column_bytes);
        interleave(blanks, still, (uint32_t)(columns - before - inside), channels,
                   words + (uint32_t)(before + inside) * column_bytes, column_bytes);
    }
}

/* One output channel's outputs of a segment. */
static void run_channel(const ep_depthwise_windows_mve_t *layer, uint32_t count, const int8_t *words,
                        const uint32_t *places, const int32_t *channel, int8_t *out)
{
    const uint32_t window_bytes = layer->stride_w * layer->groups * BLOCK * ROWS;
    const uint32_t step = layer->out_step;
    const uint32_t *const places_end = places + ROWS * layer->gathers;
    const uint32x4_t stored = vmulq_n_u32(vidupq_n_u32(0, 1), step);
    const int32_t bias = channel[0];
    const int32_t multiplier = channel[1];
    const int32_t shift = channel[2];
    for (; count != 0U;) {
        const uint32_t now = count < OUTPUTS ? count : OUTPUTS;
        const int8_t *const second = now > 1U ? words + window_bytes : words;
        const int8_t *const third = now > 2U ? second + window_bytes : words;
        const int8_t *const fourth = now > 3U ? third + window_bytes : words;
        const int32_t *weights = channel + BESIDE;
        const uint32_t *place = places;
        int32_t a = bias;
        int32_t b = bias;
        int32_t c = bias;
        int32_t d = bias;
        do {
            const int8x16_t taps = vreinterpretq_s8_s32(vld1q_s32(weights));
            const uint32x4_t at = vld1q_u32(place);
            a = vmladavaq_s8(a, vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)words, at)), taps);
            b = vmladavaq_s8(b, vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)second, at)), taps);
            c = vmladavaq_s8(c, vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)third, at)), taps);
            d = vmladavaq_s8(d, vreinterpretq_s8_s32(vldrwq_gather_offset_s32((const int32_t *)fourth, at)), taps);
            weights += 4;
            place += 4;
        } while (place != places_end);
        int32x4_t sums = vdupq_n_s32(a);
        sums = vsetq_lane_s32(b, sums, 1);
        sums = vsetq_lane_s32(c, sums, 2);
        sums = vsetq_lane_s32(d, sums, 3);
        sums = vqrdmulhq_n_s32(sums, multiplier);
        sums = vaddq_s32(sums, vshrq_n_s32(sums, 31));
        sums = vaddq_n_s32(vrshlq_n_s32(sums, shift), layer->out_zero);
        sums = vmaxq_s32(sums, vdupq_n_s32(layer->out_min));
        sums = vminq_s32(sums, vdupq_n_s32(layer->out_max));
        vstrbq_scatter_offset_p_s32(out, stored, sums, vctp32q(now));
        words += OUTPUTS * window_bytes;
        out += OUTPUTS * step;
        count -= now;
    }
}

void ep_depthwise_windows_mve(const ep_depthwise_windows_mve_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    uint32_t *const places = scratch;
    int8_t *const words = (int8_t *)(places + 4U * layer->gathers);
    const uint32_t in_c = layer->in_c;
    const uint32_t multiplier = layer->multiplier_c;
    const uint32_t window_words = (uint32_t)layer->kernel_w * layer->groups;
    const uint32_t record = BESIDE + 4U * layer->gathers;
    int8_t blank[BLOCK];
    vst1q_s8(blank, vdupq_n_s8((int8_t)layer->in_zero));
    for (uint32_t i = 0; i < 4U * layer->gathers; i++) {
        const uint32_t column = i / layer->groups * layer->dilation_w;
        places[i] = i < window_words ? (column * layer->groups + i % layer->groups) * BLOCK * ROWS : 0U;
    }
    for (uint32_t y = 0; y < layer->out_h; y++) {
        const int32_t top = (int32_t)(y * layer->stride_h) - layer->pad_top;
        for (uint32_t x = 0; x < layer->out_w; x += layer->segment) {
            const uint32_t left = layer->out_w - x;
            segment_t segment;
            segment.count = left < layer->segment ? left : layer->segment;
            segment.left = (int32_t)(x * layer->stride_w) - layer->pad_left;
            segment.columns = (segment.count - 1U) * layer->stride_w + (layer->kernel_w - 1U) * layer->dilation_w + 1U;
            const int32_t *channel = layer->channels;
            for (uint32_t first = 0; first < in_c; first += BLOCK) {
                const uint32_t channels = in_c - first < BLOCK ? in_c - first : BLOCK;
                load_words(layer, &segment, in + first, top, vctp8q(channels), blank, words);
                for (uint32_t c = 0; c < channels; c++) {
                    for (uint32_t m = 0; m < multiplier; m++, channel += record) {
                        run_channel(layer, segment.count, words + ROWS * c, places, channel,
                                    out + x * layer->out_step + (first + c) * multiplier + m);
                    }
                }
            }
        }
        out += layer->out_row_step;
    }
}
