#include "mve/depthwise3x3.h"

#include <arm_mve.h>

#include "ep_fixed_point.h"
#include "mve/depthwise_rows.h"

#define BLOCK 16U         /* channels */
#define ROWS 4U           /* image rows in a word */
#define COLUMN_WORDS 16   /* from a column of the image to the next */
#define CHANNEL_WORDS 6U

/* One channel's requantization, and where its outputs go. */
typedef struct {
    int32_t bias, multiplier, shift;
    int32_t out_zero, out_min, out_max;
    uint32x4_t places; /* bytes from the first of four outputs */
    mve_pred16_t active;
} finish_t;

static inline void store_four(const finish_t *finish, int32_t a, int32_t b, int32_t c, int32_t d, int8_t *out)
{
    int32x4_t sums;
    __asm__("vmov %q0[2], %q0[0], %1, %3\n"
            "vmov %q0[3], %q0[1], %2, %4\n"
            : "=&w"(sums)
            : "r"(a), "r"(b), "r"(c), "r"(d));
    sums = vqrdmulhq_n_s32(vaddq_n_s32(sums, finish->bias), finish->multiplier);
    sums = vaddq_s32(sums, vshrq_n_s32(sums, 31)); /* the second rounding is away from zero */
    sums = vaddq_n_s32(vrshlq_n_s32(sums, finish->shift), finish->out_zero);
    sums = vminq_s32(vmaxq_s32(sums, vdupq_n_s32(finish->out_min)), vdupq_n_s32(finish->out_max));
    vstrbq_scatter_offset_p_s32(out, finish->places, sums, finish->active);
}

/* Two rows of outputs of one channel; the last pair of columns steps back where their number is odd. */
static void two_rows(const int32_t *words, int32x4_t weights, const finish_t *finish, int8_t *out, uint32_t out_w,
                     uint32_t out_c)
{
    const uint32x4_t columns = vmulq_n_u32(vidupq_n_u32(0, 1), COLUMN_WORDS * 4);
    uint32_t carry = 0;
    const int8x16_t here = vreinterpretq_s8_s32(weights);
    const int8x16_t right = vshlcq_s8(here, &carry, 32);
    const int8x16_t below = vreinterpretq_s8_s32(vshlq_n_s32(weights, 8));
    const int8x16_t across = vreinterpretq_s8_s32(vshlq_n_s32(vreinterpretq_s32_s8(right), 8));
    for (uint32_t left = out_w; left != 0U;) {
        if (left == 1U) {
            words -= COLUMN_WORDS;
            out -= out_c;
            left = 2U;
        }
        const int8x16_t taps = vreinterpretq_s8_s32(vldrwq_gather_offset_s32(words, columns));
        store_four(finish, vmladavq_s8(taps, here), vmladavq_s8(taps, right), vmladavq_s8(taps, below),
                   vmladavq_s8(taps, across), out);
        words += 2 * COLUMN_WORDS;
        out += 2U * out_c;
        left -= 2U;
    }
}

/* One row of outputs of one channel with stride 2; the last four step back where they are fewer. */
static void strided_row(const int32_t *words, int32x4_t weights, const finish_t *finish, int8_t *out, uint32_t out_w,
                        uint32_t out_c)
{
    const uint32x4_t columns = vmulq_n_u32(vidupq_n_u32(0, 1), COLUMN_WORDS * 4);
    const int8x16_t here = vreinterpretq_s8_s32(weights);
    const uint32_t most = out_w < 4U ? out_w : 4U;
    for (uint32_t left = out_w; left != 0U;) {
        if (left < most) {
            words -= 2U * COLUMN_WORDS * (most - left);
            out -= (most - left) * out_c;
            left = most;
        }
        int32_t sums[4];
        for (uint32_t i = 0; i < 4U; i++, words += 2 * COLUMN_WORDS) {
            sums[i] = vmladavq_s8(vreinterpretq_s8_s32(vldrwq_gather_offset_s32(words, columns)), here);
        }
        store_four(finish, sums[0], sums[1], sums[2], sums[3], out);
        out += 4U * out_c;
        left -= most;
    }
}

/* Two rows of outputs of `count` channels, none of which is clamped further than int8 is. */
static void saturated_rows(const ep_depthwise_mve_t *layer, const finish_t *finish, const int32_t *words,
                           const int32_t *record, int8_t *out, uint32_t count)
{
    ep_mve_depthwise_rows_t rows;
    rows.words = words;
    rows.record = record;
    rows.out = out;
    rows.channels = count;
    rows.pairs = layer->out_w / 2U;
    rows.odd = layer->out_w % 2U;
    rows.step = 2U * layer->in_c;
    rows.out_zero = finish->out_zero;
    rows.active = finish->active;
    for (uint32_t i = 0; i < 4U; i++) {
        rows.columns[i] = i * COLUMN_WORDS * 4U - 2U * COLUMN_WORDS * 4U;
    }
    vst1q_u32(rows.places, finish->places);
    ep_mve_depthwise_rows(&rows);
}

/* Interleaves four rows of up to 16 channels; `saved`, if any, takes the third row. */
static void interleave(const int8_t *const *rows, const uint32_t *steps, uint32_t columns, mve_pred16_t channels,
                       int32_t *words, int8_t *saved)
{
    const int8_t *row0 = rows[0];
    const int8_t *row1 = rows[1];
    const int8_t *row2 = rows[2];
    const int8_t *row3 = rows[3];
    for (; columns != 0U; columns--) {
        const int8x16_t third = vldrbq_z_s8(row2, channels);
        const int8x16x4_t four = {{vldrbq_z_s8(row0, channels), vldrbq_z_s8(row1, channels), third,
                                   vldrbq_z_s8(row3, channels)}};
        vst4q_s8((int8_t *)words, four);
        words += COLUMN_WORDS;
        if (saved != 0) {
            vstrbq_s8(saved, third);
            saved += BLOCK;
        }
        row0 += steps[0];
        row1 += steps[1];
        row2 += steps[2];
        row3 += steps[3];
    }
}

/* Makes one row of the interleaved ones the zero point: it lies above or below the image. */
static void blank(int8_t *row, uint32_t columns, int8_t in_zero)
{
    const uint8x16_t places = vmulq_n_u8(vidupq_n_u8(0, 1), ROWS);
    for (; columns != 0U; columns--, row += COLUMN_WORDS * 4) {
        vstrbq_scatter_offset_s8(row, places, vdupq_n_s8(in_zero));
    }
}

/* The rows that output row `y` starts at, for the channels from `in` on. */
static void load_rows(const ep_depthwise_mve_t *layer, const int8_t *in, uint32_t y, mve_pred16_t channels,
                      int32_t *words, int8_t *saved)
{
    const int32_t top = (int32_t)(y * layer->stride) - layer->pad_top;
    const int8_t *rows[ROWS];
    uint32_t steps[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) {
        const int32_t row = ep_clamp(top + (int32_t)i, 0, layer->in_h - 1);
        rows[i] = in + row * layer->in_w * layer->in_c;
        steps[i] = layer->in_c;
    }
    if (saved != 0 && y != 0U) {
        rows[0] = saved; /* its place may hold outputs by now */
        steps[0] = BLOCK;
    }
    interleave(rows, steps, layer->in_w, channels, words, saved);
    for (uint32_t i = 0; i < ROWS; i++) {
        const int32_t row = top + (int32_t)i;
        if (row < 0 || row >= layer->in_h) {
            blank((int8_t *)words + i, layer->in_w, (int8_t)layer->in_zero);
        }
    }
}

void ep_depthwise_mve(const ep_depthwise_mve_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int32_t *const words = scratch;
    const uint32_t in_c = layer->in_c;
    const uint32_t out_w = layer->out_w;
    const uint32_t row_bytes = out_w * in_c;
    const uint32_t rows_at_once = 3U - layer->stride;
    int8_t *const saved = layer->stride == 1U ? (int8_t *)(words + (uint32_t)layer->columns * COLUMN_WORDS) : 0;
    const uint32_t saturates = layer->out_min == -128 && layer->out_max == 127 ? 1U : 0U;
    const int32_t *channel = layer->channels;
    finish_t finish;
    finish.out_zero = layer->out_zero;
    finish.out_min = layer->out_min;
    finish.out_max = layer->out_max;
    finish.places = vidupq_n_u32(0, 1);
    if (layer->stride == 1U) {
        finish.places = vaddq_u32(vmulq_n_u32(vandq_u32(finish.places, vdupq_n_u32(1)), in_c),
                                  vmulq_n_u32(vshrq_n_u32(finish.places, 1), row_bytes));
    } else {
        finish.places = vmulq_n_u32(finish.places, in_c);
    }
    for (uint32_t i = 0; i < (uint32_t)layer->columns * COLUMN_WORDS; i += 4U) {
        vst1q_s32(words + i, vreinterpretq_s32_s8(vdupq_n_s8((int8_t)layer->in_zero)));
    }
    for (uint32_t first = 0; first < in_c; first += BLOCK) {
        const uint32_t count = in_c - first < BLOCK ? in_c - first : BLOCK;
        for (uint32_t y = 0; y < layer->out_h; y += rows_at_once) {
            load_rows(layer, in + first, y, vctp8q(count), words + layer->pad_left * COLUMN_WORDS, saved);
            const uint32_t outputs = layer->stride == 1U ? 2U * (layer->out_h - y) : out_w;
            finish.active = vctp32q(outputs);
            int8_t *const at = out + first + y * row_bytes;
            const int32_t *record = channel;
            if (layer->stride == 1U && saturates != 0U) {
                saturated_rows(layer, &finish, words, record, at, count);
                continue;
            }
            for (uint32_t c = 0; c < count; c++, record += CHANNEL_WORDS) {
                const int32x4_t weights = vsetq_lane_s32(0, vld1q_s32(record), 3);
                finish.bias = record[3];
                finish.multiplier = record[4];
                finish.shift = record[5];
                if (layer->stride == 1U) {
                    two_rows(words + c, weights, &finish, at + c, out_w, in_c);
                } else {
                    strided_row(words + c, weights, &finish, at + c, out_w, in_c);
                }
            }
        }
        channel += count * CHANNEL_WORDS;
    }
}
