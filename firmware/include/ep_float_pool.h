/*
 * Average, maximum and root of the mean square over windows, float in, float out.
 *
 *   out[y][x][c] = clamp(mean, max or sqrt(mean of squares) of in[y * stride_h - pad_top + i][x * stride_w - pad_left + j][c])
 *   over the taps inside the image, rows first.
 *
 *   in   float  [in_h][in_w][channels]
 *   out  float  [out_h][out_w][channels]
 *
 * Scratch: 0 bytes. Align: 4 bytes. Order: pixels ascending, channels innermost; reads an output's taps before it writes.
 * Proof:   tests/firmware/numbers/test_numbers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FLOAT_POOL_H
#define EP_FLOAT_POOL_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, channels;
    uint16_t out_h, out_w;
    uint16_t window_h, window_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_top, pad_left;
    float low, high;
} ep_float_pool_t;

void ep_average_pool_float_ref(const ep_float_pool_t *layer, const float *in, float *out);
void ep_max_pool_float_ref(const ep_float_pool_t *layer, const float *in, float *out);
void ep_l2_pool_float_ref(const ep_float_pool_t *layer, const float *in, float *out);

#endif
