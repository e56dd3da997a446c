#include "dsp/conv2d_int16.h"

#include <string.h>

#include "dsp/arith.h"
#include "dsp/tiles16.h"

#define PIXELS 3

#define ROWS 6

/* One pixel of the columns, from input `next` on; its words are `apart` words apart. */
typedef struct {
    uint32_t *words;
    int32_t next;
    int32_t apart;
} column_t;

static inline void put_one(column_t *column, int16_t value)
{
    ((int16_t *)(column->words + (column->next >> 1) * column->apart))[column->next & 1] = value;
    column->next++;
}

static void put(column_t *column, const int16_t *from, int32_t count)
{
    if (count > 0 && (column->next & 1) != 0) {
        put_one(column, *from++);
        count--;
    }
    uint32_t *to = column->words + (column->next >> 1) * column->apart;
    column->next += count & ~1;
    for (; count >= 2; count -= 2, from += 2, to += column->apart) {
        *to = ep_load_word(from);
    }
    if (count > 0) {
        put_one(column, *from);
    }
}

static void put_zeros(column_t *column, int32_t count)
{
    for (; count > 0; count--) {
        put_one(column, 0);
    }
}

/* The window whose first tap is at (y, x), maybe outside. */
static void put_window(const ep_conv2d_t *layer, column_t column, const int16_t *in, int32_t y, int32_t x)
{
    for (int32_t i = 0; i < layer->kernel_h; i++) {
        const int32_t row = y + i * layer->dilation_h;
        if (row < 0 || row >= layer->in_h) {
            put_zeros(&column, layer->kernel_w * layer->in_c);
            continue;
        }
        const int16_t *const pixels = in + row * layer->in_w * layer->in_c;
        if (layer->dilation_w == 1 && x >= 0 && x + layer->kernel_w <= layer->in_w) {
            put(&column, pixels + x * layer->in_c, layer->kernel_w * layer->in_c);
            continue;
        }
        for (int32_t j = 0; j < layer->kernel_w; j++) {
            const int32_t at = x + j * layer->dilation_w;
            if (at < 0 || at >= layer->in_w) {
                put_zeros(&column, layer->in_c);
            } else {
                put(&column, pixels + at * layer->in_c, layer->in_c);
            }
        }
    }
    put_zeros(&column, column.next & 1);
}

/* All channels of three pixels, side by side. */
static void short_sums(const ep_tiles16_t *tiles, const uint32_t *columns, int16_t *out, int32_t out_c)
{
    void (*const made)(const uint32_t *, const uint32_t *, ep_short16_t *) =
        tiles->sums.out_min == 0 ? ep_short16_relu : ep_short16;
    const uint32_t channel_pairs = (uint32_t)out_c / 2U;
    ep_short16_t job = {tiles->pairs, out, 2U * (uint32_t)out_c, channel_pairs};
    made(columns, tiles->weights, &job);
    if ((out_c & 1) != 0) { /* the last two once more */
        job = (ep_short16_t){tiles->pairs, out + out_c - 2, 2U * (uint32_t)out_c, 1U};
        made(columns, tiles->weights + channel_pairs * (tiles->pairs + 4U), &job);
    }
}

/* Two channels of them, if there are as many; pixels `apart` elements apart. */
static void long_sums(const ep_tiles16_t *tiles, const uint32_t *columns, int32_t o, int16_t *out, int32_t out_c,
                      int32_t apart)
{
    uint64_t sums[2 * PIXELS] = {0};
    const uint32_t *weights = tiles->weights + (uint32_t)(o >> 1) * tiles->pairs;
    for (uint32_t left = tiles->pairs; left != 0U;) {
        const uint32_t some = left < EP_SEGMENT_PAIRS ? left : EP_SEGMENT_PAIRS;
        int32_t acc[2 * PIXELS] = {0};
        ep_tile16(columns, weights, some, acc);
        for (int32_t i = 0; i < 2 * PIXELS; i++) {
            sums[i] += (uint64_t)(int64_t)acc[i];
        }
        left -= some;
        weights += some;
        columns += PIXELS * some;
    }
    for (int32_t p = 0; p < PIXELS; p++, out += apart) {
        out[o] = ep_sum_out(&tiles->sums, o, sums[p]);
        if (o + 1 < out_c) {
            out[o + 1] = ep_sum_out(&tiles->sums, o + 1, sums[PIXELS + p]);
        }
    }
}

static void all_channels(const ep_tiles16_t *tiles, const uint32_t *columns, int16_t *out, int32_t out_c, int32_t apart)
{
    if (tiles->is_short != 0U) {
        short_sums(tiles, columns, out, apart);
        return;
    }
    for (int32_t o = 0; o < out_c; o += 2) {
        long_sums(tiles, columns, o, out, out_c, apart);
    }
}

void ep_conv2d_int16_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_tiles16_t *tiles,
                         void *scratch)
{
    uint32_t *const columns = scratch;
    int16_t *const apart = (int16_t *)(columns + PIXELS * tiles->pairs);
    const int32_t out_c = layer->out_c;
    const int32_t all = layer->out_h * layer->out_w;
    const int32_t made_c = out_c > 1 ? out_c : 2; /* a single channel has one of zeros beside it */
    const int32_t is_one_run = out_c > 1 && tiles->out_pixel == (uint32_t)out_c
                               && tiles->out_row == (uint32_t)(layer->out_w * out_c);
    int32_t y = 0;
    int32_t x = 0;
    for (int32_t done = 0; done < all; done += PIXELS) {
        const int32_t pixels = all - done < PIXELS ? all - done : PIXELS;
        int16_t *to[PIXELS];
        for (int32_t p = 0; p < PIXELS; p++) {
            const column_t column = {columns + p, 0, PIXELS};
            if (p >= pixels) { /* made, and thrown away */
                put_window(layer, column, in, -layer->pad_top, -layer->pad_left);
                continue;
            }
            put_window(layer, column, in, y * layer->stride_h - layer->pad_top, x * layer->stride_w - layer->pad_left);
            to[p] = out + (uint32_t)y * tiles->out_row + (uint32_t)x * tiles->out_pixel;
            x++;
            if (x == layer->out_w) {
                x = 0;
                y++;
            }
        }
        if (is_one_run != 0 && pixels == PIXELS) {
            all_channels(tiles, columns, to[0], out_c, out_c);
            continue;
        }
        all_channels(tiles, columns, apart, out_c, made_c);
        for (int32_t p = 0; p < pixels; p++) {
            (void)memcpy(to[p], apart + p * made_c, 2U * (uint32_t)out_c);
        }
    }
}

void ep_conv2d_int16_vectors_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out,
                                 const ep_vectors16_t *vectors, void *scratch)
{
    const column_t column = {scratch, 0, 1};
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            put_window(layer, column, in, y * layer->stride_h - layer->pad_top, x * layer->stride_w - layer->pad_left);
            const uint32_t *weights = vectors->weights;
            for (int32_t o = 0; o < layer->out_c; o += ROWS, weights += ROWS / 2U * vectors->pairs) {
                int32_t acc[ROWS];
                for (int32_t i = 0; i < ROWS; i++) {
                    acc[i] = vectors->bias[o + i];
                }
                ep_rows16(scratch, weights, vectors->pairs, acc);
                for (int32_t i = 0; i < ROWS && o + i < layer->out_c; i++) {
                    const int32_t real = ep_smmlar(acc[i], vectors->factor[o + i], 0);
                    *out++ = (int16_t)ep_clamp(real, vectors->out_min, vectors->out_max);
                }
            }
        }
    }
}
