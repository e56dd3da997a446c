/*
 * Softmax over the last axis, int16 in, int16 out of scale 1/32768.
 *
 *   out[n][i] = 32768 * exp(x[n][i]) / sum_j exp(x[n][j]),   x = beta * in_scale * (q - max_j q)
 *
 *   in   int16  [rows][len]
 *   out  int16  [rows][len]
 *
 *   exp      int16  [513]  points of exp on [-10, 0], Q0.15 (ep_interpolate.h)
 *   inverse  int16  [513]  points of 1 / (1 + x) on [0, 1], Q0.15
 *   multiplier, shift   beta * in_scale in units of 10 / 65535
 *
 * Range:   len <= 65,536 keeps the sum of exponentials inside int32.
 * Scratch: 0 bytes. Align: 2 bytes. Order: rows ascending, the exponentials of a row first; in place.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SOFTMAX_INT16_H
#define EP_SOFTMAX_INT16_H

#include <stdint.h>

typedef struct {
    const int16_t *exp;
    const int16_t *inverse;
    uint32_t rows, len;
    int32_t multiplier, shift;
} ep_softmax_int16_t;

void ep_softmax_int16_ref(const ep_softmax_int16_t *layer, const int16_t *in, int16_t *out);

#endif
