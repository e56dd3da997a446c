/*
 * The columns of dsp/tile.h: three pixels' windows of an int8 image, widened to int16 and interleaved.
 *
 *   A window is `rows` segments, `row_bytes` apart. A segment is `segment_bytes` bytes, filled up to a multiple of four
 *   inputs of weight 0, and `tail_bytes` behind them. The segments make rows * ceil(segment_bytes / 4) steps of 6 words,
 *   all tails together one more: rows * tail_bytes <= 4, and segment_bytes is a multiple of 4 where there are tails.
 *
 *   ep_columns_three   the windows at in, in + pixel_bytes, in + 2 * pixel_bytes; fills up with the up to 3 bytes that
 *                      stand behind each segment
 *   ep_columns_one     the window at in, as pixel 0; pass columns + p for pixel p; fills up with zeros
 *   ep_columns_rotate  makes pixel p pixel (p - count) mod 3
 *
 *   in       int8. Align: 1 byte for in, 4 for columns.
 * Proof:   tests/firmware/operators/test_dsp_layers.py.
 */
#ifndef EP_DSP_COLUMNS_H
#define EP_DSP_COLUMNS_H

#include <stdint.h>

typedef struct {
    uint16_t rows;
    uint16_t steps; /* of a segment */
    uint16_t segment_bytes;
    uint16_t tail_bytes;
    uint16_t row_bytes;
    uint16_t pixel_bytes;
} ep_window_t;

void ep_columns_three(const ep_window_t *window, const int8_t *in, uint32_t *columns);
void ep_columns_one(const ep_window_t *window, const int8_t *in, uint32_t *columns);
void ep_columns_rotate(uint32_t count, uint32_t words, uint32_t *columns);

#endif
