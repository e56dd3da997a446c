#include "dsp/columns.h"

#include "dsp/arith.h"
#include "dsp/tile.h"

/* The last 1 to 3 bytes of a segment, zeros behind. */
static inline uint32_t load_rest(const int8_t *in, uint32_t bytes)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        word |= (uint32_t)(uint8_t)in[i] << (8U * i);
    }
    return word;
}

static inline void store(uint32_t word, uint32_t *columns)
{
    columns[0] = ep_sxtb16(word);
    columns[EP_TILE_PIXELS] = ep_sxtb16_ror8(word);
}

/* What stands behind the segments of one pixel, `tail_bytes` a row, at most four altogether; zeros behind. */
static inline uint32_t load_tails(const ep_window_t *window, const int8_t *row)
{
    uint32_t word = 0;
    uint32_t place = 0;
    for (uint32_t rows = window->rows; rows != 0U; rows--, row += window->row_bytes) {
        for (uint32_t i = 0; i < window->tail_bytes; i++) {
            word |= (uint32_t)(uint8_t)row[i] << place;
            place += 8U;
        }
    }
    return word;
}

/* The same for three pixels and three rows of one such byte, as with three colours under a 3x3 window. No weight reads the
 * place behind the third byte. */
static void store_tails_of_one(const ep_window_t *window, const int8_t *first, uint32_t *columns)
{
    const uint32_t b = window->pixel_bytes;
    const uint32_t c = 2U * b;
    const int8_t *const second = first + window->row_bytes;
    const int8_t *const third = second + window->row_bytes;
    columns[0] = ep_lanes(first[0], third[0]);
    columns[1] = ep_lanes(first[b], third[b]);
    columns[2] = ep_lanes(first[c], third[c]);
    columns[3] = (uint32_t)second[0];
    columns[4] = (uint32_t)second[b];
    columns[5] = (uint32_t)second[c];
}

/* Four inputs of each pixel a step, one step or more: three loads, six unpackings, two stores of three words. Returns the
 * next column. */
static inline uint32_t *widen_three(const int8_t *in, uint32_t pixel_bytes, uint32_t steps, uint32_t *columns)
{
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    __asm__ volatile(
        "1:\n"
        "ldr r3, [%[in], %[pixel]]\n"
        "ldr r4, [%[in], %[pixel], lsl #1]\n"
        "ldr r2, [%[in]], #4\n"
        "sxtb16 r5, r2\n"
        "sxtb16 r6, r3\n"
        "sxtb16 r8, r4\n"
        "stmia %[columns]!, {r5, r6, r8}\n"
        "sxtb16 r2, r2, ror #8\n"
        "sxtb16 r3, r3, ror #8\n"
        "sxtb16 r4, r4, ror #8\n"
        "stmia %[columns]!, {r2, r3, r4}\n"
        "subs %[steps], %[steps], #1\n"
        "bne 1b\n"
        : [in] "+r"(in), [columns] "+r"(columns), [steps] "+r"(steps)
        : [pixel] "r"(pixel_bytes)
        : "r2", "r3", "r4", "r5", "r6", "r8", "cc", "memory");
#else
    for (; steps != 0U; steps--, in += 4) {
        for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
            const uint32_t word = ep_load_word(in + p * pixel_bytes);
            columns[p] = ep_sxtb16(word);
            columns[EP_TILE_PIXELS + p] = ep_sxtb16_ror8(word);
        }
        columns += 2U * EP_TILE_PIXELS;
    }
#endif
    return columns;
}

/* On its own, so that windows without tails need not save its registers. */
static __attribute__((noinline)) void store_tails(const ep_window_t *window, const int8_t *in, uint32_t *columns)
{
    const int8_t *const tails = in + window->segment_bytes;
    columns += 2U * EP_TILE_PIXELS * window->rows * window->steps;
    if (window->tail_bytes == 1U && window->rows == 3U) {
        store_tails_of_one(window, tails, columns);
        return;
    }
    for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
        store(load_tails(window, tails + p * window->pixel_bytes), columns + p);
    }
}

void ep_columns_three(const ep_window_t *window, const int8_t *in, uint32_t *columns)
{
    if (window->tail_bytes != 0U) {
        store_tails(window, in, columns);
    }
    const uint32_t steps = window->steps;
    const uint32_t pixel_bytes = window->pixel_bytes;
    const uint32_t row_bytes = window->row_bytes;
    uint32_t rows = window->rows;
    do {
        columns = widen_three(in, pixel_bytes, steps, columns);
        in += row_bytes;
        rows--;
    } while (rows != 0U);
}

void ep_columns_one(const ep_window_t *window, const int8_t *in, uint32_t *columns)
{
    const uint32_t rest = window->segment_bytes % 4U;
    const uint32_t whole = window->segment_bytes - rest;
    const uint32_t row_bytes = window->row_bytes;
    const int8_t *row = in;
    for (uint32_t rows = window->rows; rows != 0U; rows--, row += row_bytes) {
        const int8_t *const end = row + whole;
        for (const int8_t *at = row; at != end; at += 4) {
            store(ep_load_word(at), columns);
            columns += 2U * EP_TILE_PIXELS;
        }
        if (rest != 0U) {
            store(load_rest(end, rest), columns);
            columns += 2U * EP_TILE_PIXELS;
        }
    }
    if (window->tail_bytes != 0U) {
        store(load_tails(window, in + window->segment_bytes), columns);
    }
}

void ep_columns_rotate(uint32_t count, uint32_t words, uint32_t *columns)
{
    for (uint32_t word = 0; word < words; word++) {
        const uint32_t old[EP_TILE_PIXELS] = {columns[0], columns[1], columns[2]};
        for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
            columns[p] = old[(p + count) % EP_TILE_PIXELS];
        }
        columns += EP_TILE_PIXELS;
    }
}
