/*
 * Softmax over the last axis, int8 in, int8 out of scale 1/256 and zero point -128.
 *
 *   out[n][i] = round(256 * exp(x[n][i]) / sum_j exp(x[n][j])) - 128,   x = beta * in_scale * (q - max_j q)
 *
 *   in   int8  [rows][len]
 *   out  int8  [rows][len]
 *
 *   multiplier, shift   beta * in_scale * 2^26 as multiplier * 2^(shift - 31), shift >= 0
 *   diff_min            differences below it count as exp = 0
 *
 * Fixed point: differences Q5.26, exponentials Q0.31, their sum Q12.19; exp as a polynomial on [-1/4, 0) times
 * exp(-2^k) per set bit, the reciprocal by three Newton steps (gemmlowp's recipe, which LiteRT's reference follows).
 *
 * Range:   len <= 4096 keeps the sum inside Q12.19.
 * Scratch: 0 bytes. Align: 1 byte. Order: rows ascending; in place.
 * Proof:   tests/firmware/operators/test_softmax.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SOFTMAX_H
#define EP_SOFTMAX_H

#include <stdint.h>

typedef struct {
    uint32_t rows, len;
    int32_t multiplier, shift;
    int32_t diff_min;
} ep_softmax_t;

void ep_softmax_ref(const ep_softmax_t *layer, const int8_t *in, int8_t *out);

#endif
