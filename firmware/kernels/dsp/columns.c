#include "dsp/columns.h"

#include "dsp/arith.h"
#include "dsp/tile.h"

/* The last 1 to 3 bytes of a segment, zeros behind. */
static uint32_t load_tail(const int8_t *in, uint32_t bytes)
{
    uint32_t word = 0;
    for (uint32_t i = 0; i < bytes; i++) {
        word |= (uint32_t)(uint8_t)in[i] << (8U * i);
    }
    return word;
}

/* Four inputs of each pixel a step: three loads, six unpackings, two stores of three words. Returns the next column. */
static inline uint32_t *widen_three(const int8_t *in, uint32_t pixel_bytes, uint32_t steps, uint32_t *columns)
{
    uint32_t *const end = columns + 2U * EP_TILE_PIXELS * steps;
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    while (columns != end) {
        __asm__ volatile(
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
            : [in] "+r"(in), [columns] "+r"(columns)
            : [pixel] "r"(pixel_bytes)
            : "r2", "r3", "r4", "r5", "r6", "r8", "memory");
    }
#else
    for (; columns != end; in += 4) {
        for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
            const uint32_t word = ep_load_word(in + p * pixel_bytes);
            columns[p] = ep_sxtb16(word);
            columns[EP_TILE_PIXELS + p] = ep_sxtb16_ror8(word);
        }
        columns += 2U * EP_TILE_PIXELS;
    }
#endif
    return end;
}

void ep_columns_three(const ep_window_t *window, const int8_t *in, uint32_t *columns)
{
    const uint32_t steps = (window->segment_bytes + 3U) / 4U;
    for (uint32_t row = 0; row < window->rows; row++) {
        columns = widen_three(in, window->pixel_bytes, steps, columns);
        in += window->row_bytes;
    }
}

void ep_columns_one(const ep_window_t *window, const int8_t *in, uint32_t *columns)
{
    const uint32_t tail = window->segment_bytes % 4U;
    for (uint32_t row = 0; row < window->rows; row++) {
        const int8_t *const end = in + window->segment_bytes - tail;
        for (const int8_t *at = in; at != end; at += 4) {
            const uint32_t word = ep_load_word(at);
            columns[0] = ep_sxtb16(word);
            columns[EP_TILE_PIXELS] = ep_sxtb16_ror8(word);
            columns += 2U * EP_TILE_PIXELS;
        }
        if (tail != 0U) {
            const uint32_t word = load_tail(end, tail);
            columns[0] = ep_sxtb16(word);
            columns[EP_TILE_PIXELS] = ep_sxtb16_ror8(word);
            columns += 2U * EP_TILE_PIXELS;
        }
        in += window->row_bytes;
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
