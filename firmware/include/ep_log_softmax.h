/*
 * Logarithm of the softmax over the last axis, int8 in, int8 out of scale 16/256 and zero point 127.
 *
 *   out[n][i] = round(16 * (x[n][i] - log sum_j exp(x[n][j]))) + 127,   x = in_scale * (q - max_j q)
 *
 *   in   int8  [rows][len]
 *   out  int8  [rows][len]
 *
 *   multiplier, shift                  in_scale * 2^26 as multiplier * 2^(shift - 31), shift >= 0
 *   reverse_multiplier, reverse_shift  its inverse
 *   diff_min                           differences below it count as exp = 0
 *
 * Fixed point: differences and the logarithm Q5.26, exponentials Q0.31, their sum Q12.19.
 *
 * Range:   len <= 4096 keeps the sum inside Q12.19.
 * Scratch: 0 bytes. Align: 1 byte. Order: rows ascending; in place.
 * Proof:   tests/firmware/operators/test_softmax.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_LOG_SOFTMAX_H
#define EP_LOG_SOFTMAX_H

#include <stdint.h>

typedef struct {
    uint32_t rows, len;
    int32_t multiplier, shift;
    int32_t reverse_multiplier, reverse_shift;
    int32_t diff_min;
} ep_log_softmax_t;

void ep_log_softmax_ref(const ep_log_softmax_t *layer, const int8_t *in, int8_t *out);

#endif
