/*
 * Average and maximum over windows, int8 in, int8 out; the output's scale is taken for the input's.
 *
 *   out[y][x][c] = clamp(mean or max of in[y * stride_h - pad_top + i][x * stride_w - pad_left + j][c])
 *   over the taps inside the image; the mean rounds halves away from zero.
 *
 *   in   int8  [in_h][in_w][channels]
 *   out  int8  [out_h][out_w][channels]
 *
 * Scratch: 0 bytes. Align: 1 byte. Order: pixels ascending, channels innermost; reads an output's taps before it writes.
 * Proof:   tests/firmware/operators/test_pool.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_POOL_H
#define EP_POOL_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, channels;
    uint16_t out_h, out_w;
    uint16_t window_h, window_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_top, pad_left;
    int16_t out_min, out_max;
} ep_pool_t;

void ep_average_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out);
void ep_max_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out);

/* The same from int16 to int16. */
void ep_average_pool_int16_ref(const ep_pool_t *layer, const int16_t *in, int16_t *out);
void ep_max_pool_int16_ref(const ep_pool_t *layer, const int16_t *in, int16_t *out);

#endif
