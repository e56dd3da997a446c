#include "ep_packed.h"

#include <stddef.h>
#include <string.h>

#include "ep_fixed_point.h"

#define EP_INLINE static inline __attribute__((always_inline))
#define KEEP(value) __asm__("" : "+r"(value)) /* in a register; the compiler would work it out again and again */
#define MOST_TAPS 25U

/* Where values are read from; `half` is 1 behind the first of two 4-bit places. */
typedef struct {
    const uint8_t *at;
    const int8_t *book;
    uint32_t half;
} values_t;

EP_INLINE int32_t next(values_t *values)
{
    if (values->book == NULL) {
        return (int8_t)*values->at++;
    }
    const uint32_t place = *values->at >> (4U * values->half) & 15U;
    values->at += values->half;
    values->half ^= 1U;
    return values->book[place];
}

/* Of bits that are not all zero. */
EP_INLINE uint32_t lowest(uint32_t bits)
{
#if defined(__ARM_FEATURE_CLZ)
    return (uint32_t)__builtin_ctz(bits);
#else
    uint32_t place = 0;
    for (; (bits & 1U) == 0U; bits >>= 1) {
        place++;
    }
    return place;
#endif
}

/* A weight, and its input's offset from the window's first. */
EP_INLINE uint32_t item_of(int32_t value, uint32_t offset)
{
    return (uint32_t)value << 16 | offset;
}

/* One filter's weights that are stored; `first` is its first input channel. Returns the next filter. */
static __attribute__((noinline)) const uint8_t *unpack(const ep_conv2d_packed_t *layer, const uint8_t *packed,
                                                       uint32_t first, const uint16_t *taps, uint32_t **items)
{
    const uint32_t bits = layer->bits;
    const uint32_t last = first + layer->group_in_c;
    values_t values = {packed + (bits * layer->group_in_c + 7U) / 8U, layer->book, 0};
    uint32_t *item = *items;
    if (bits == 1U && layer->all_taps == 1U) {
        for (uint32_t channel = first; channel < last; channel += 8U) {
            for (uint32_t left = *packed++; left != 0U; left &= left - 1U) {
                *item++ = item_of(next(&values), channel + lowest(left));
            }
        }
    } else {
        uint32_t buffer = 0;
        uint32_t held = 0;
        for (uint32_t channel = first; channel != last; channel++) {
            uint32_t left = layer->all_taps;
            if (bits != 0U) {
                for (; held < bits; held += 8U) {
                    buffer |= (uint32_t)*packed++ << held;
                }
                left = buffer & ((1U << bits) - 1U);
                buffer >>= bits;
                held -= bits;
                left = layer->masks != NULL ? layer->masks[left] : left;
            }
            for (; left != 0U; left &= left - 1U) {
                *item++ = item_of(next(&values), channel + taps[lowest(left)]);
            }
        }
    }
    *items = item;
    return values.at + values.half;
}

/* Adds four windows' products. A function of its own has all registers to itself. */
static __attribute__((noinline)) void add_products(const uint32_t *items, const uint32_t *end, const int8_t *window,
                                                   uint32_t step, int32_t sums[EP_PACKED_PIXELS])
{
    int32_t a = sums[0];
    int32_t b = sums[1];
    int32_t c = sums[2];
    int32_t d = sums[3];
    uint32_t three = 3U * step;
    KEEP(three);
    do {
        const uint32_t item = *items++;
        const int32_t weight = (int32_t)item >> 16;
        const int8_t *at = window + (item & 0xFFFFU);
        KEEP(at);
        a += at[0] * weight;
        b += at[step] * weight;
        c += at[2U * step] * weight;
        d += at[three] * weight;
    } while (items != end);
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

void ep_packed_finish(const ep_conv2d_packed_t *layer, uint32_t channel, const int32_t *sums, const int32_t *end,
                      int8_t *out)
{
    const uint32_t scale = channel * layer->scale_step;
    const int32_t multiplier = layer->multiplier[scale];
    const int32_t shift = layer->shift[scale];
    const int32_t zero = layer->out_zero;
    const int32_t low = layer->out_min;
    const int32_t high = layer->out_max;
    for (; sums != end; sums++, out += layer->out_c) {
        *out = (int8_t)ep_clamp(ep_requant_add(*sums, multiplier, shift, zero), low, high);
    }
}

static void filter_row(const ep_conv2d_packed_t *layer, uint32_t channel, const uint32_t *items, const uint32_t *end,
                       const int8_t *window, int8_t *out)
{
    const uint32_t step = layer->pixel_bytes;
    const int32_t bias = layer->bias[channel];
    for (uint32_t left = layer->out_w; left != 0U;) {
        const uint32_t count = left < EP_PACKED_PIXELS ? left : EP_PACKED_PIXELS;
        int32_t sums[EP_PACKED_PIXELS] = {bias, bias, bias, bias};
        if (items != end) {
            add_products(items, end, window, step, sums);
        }
        ep_packed_finish(layer, channel, sums, sums + count, out);
        window += EP_PACKED_PIXELS * step;
        out += count * layer->out_c;
        left -= count;
    }
}

static void filter(const ep_conv2d_packed_t *layer, uint32_t channel, uint32_t *items, const uint32_t *end,
                   const int8_t *rows, uint32_t height, int8_t *out)
{
    for (; height != 0U; height--) {
        filter_row(layer, channel, items, end, rows, out + channel);
        rows += (uint32_t)layer->stride_h * layer->window_row_bytes;
        out += (uint32_t)layer->out_w * layer->out_c;
    }
}

/* The image rows under the windows of output rows `y` and below, the zero point where there is no image. */
static void move_window(const ep_conv2d_packed_t *layer, const int8_t *in, uint32_t y, int8_t *rows)
{
    const uint32_t row_bytes = layer->window_row_bytes;
    const uint32_t height = layer->window_rows;
    const uint32_t moved = (uint32_t)layer->block_rows * layer->stride_h;
    uint32_t kept = 0;
    if (y == 0U) {
        memset(rows, layer->in_zero, height * row_bytes);
    } else if (height > moved) {
        kept = height - moved;
        memmove(rows, rows + moved * row_bytes, kept * row_bytes);
    }
    for (uint32_t row = kept; row < height; row++) {
        const int32_t place = (int32_t)(y * layer->stride_h + row) - layer->pad_top;
        int8_t *const middle = rows + row * row_bytes + layer->pad_left_bytes;
        if (place >= 0 && place < layer->in_h) {
            memcpy(middle, in + (uint32_t)place * layer->in_row_bytes, layer->in_row_bytes);
        } else {
            memset(middle, layer->in_zero, layer->in_row_bytes);
        }
    }
}

void ep_conv2d_packed(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch,
                      ep_packed_filter_t run)
{
    uint32_t *const items = scratch;
    int8_t *const rows = (int8_t *)(items + layer->most_weights + layer->lane_words);
    uint16_t taps[MOST_TAPS];
    uint32_t tap = 0;
    for (uint32_t row = 0; row < layer->kernel_h; row++) {
        for (uint32_t column = 0; column < layer->kernel_w; column++) {
            taps[tap++] = (uint16_t)(row * layer->window_row_bytes + column * layer->in_c);
        }
    }
    for (uint32_t y = 0; y < layer->out_h; y += layer->block_rows) {
        const uint8_t *packed = layer->weights;
        const uint32_t left = layer->out_h - y;
        const uint32_t height = left < layer->block_rows ? left : layer->block_rows;
        move_window(layer, in, y, rows);
        for (uint32_t channel = 0; channel < layer->out_c; channel++) {
            uint32_t *end = items;
            packed = unpack(layer, packed, channel / layer->group_out_c * layer->group_in_c, taps, &end);
            run(layer, channel, items, end, rows, height, out);
        }
        out += height * layer->out_w * layer->out_c;
    }
}

void ep_conv2d_packed_ref(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    ep_conv2d_packed(layer, in, out, scratch, filter);
}

/* One output's products. Returns the next output's weights. */
static const uint8_t *add_output(const ep_dense_packed_t *layer, const uint8_t *packed, const int8_t *in, int32_t *acc)
{
    const uint32_t count = layer->in_len;
    int32_t sum = *acc;
    if (layer->bits == 0U) {
        for (uint32_t pairs = count / 2U; pairs != 0U; pairs--, in += 2) {
            const uint32_t pair = *packed++;
            sum += in[0] * layer->book[pair & 15U] + in[1] * layer->book[pair >> 4];
        }
        if (count % 2U != 0U) {
            sum += in[0] * layer->book[*packed++ & 15U];
        }
        *acc = sum;
        return packed;
    }
    values_t values = {packed + (count + 7U) / 8U, layer->book, 0};
    for (const int8_t *const end = in + count; in < end; in += 8) {
        for (uint32_t left = *packed++; left != 0U; left &= left - 1U) {
            sum += in[lowest(left)] * next(&values);
        }
    }
    *acc = sum;
    return values.at + values.half;
}

void ep_dense_packed_ref(const ep_dense_packed_t *layer, const int8_t *in, int8_t *out)
{
    for (uint32_t row = 0; row < layer->rows; row++, in += layer->in_len) {
        const uint8_t *packed = layer->weights;
        for (uint32_t o = 0; o < layer->out_len; o++) {
            int32_t acc = layer->bias[o];
            packed = add_output(layer, packed, in, &acc);
            const uint32_t scale = o * layer->scale_step;
            acc = ep_requant_once(acc, layer->multiplier[scale], layer->shift[scale]) + layer->out_zero;
            *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
        }
    }
}
