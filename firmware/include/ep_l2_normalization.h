/*
 * Each row divided by its length, int8 in, int8 out of scale 1/128 and zero point 0.
 *
 *   out[n][i] = clamp(round(128 * x[n][i] / sqrt(sum_j x[n][j]^2)), -128, 127),   x = q - in_zero
 *
 *   in   int8  [rows][len]
 *   out  int8  [rows][len]
 *
 * The inverse root by five Newton steps in Q3.28, as LiteRT's reference computes it.
 *
 * Range:   len <= 33025 keeps the sum inside int32.
 * Scratch: 0 bytes. Align: 1 byte. Order: rows ascending; in place.
 * Proof:   tests/firmware/operators/test_softmax.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_L2_NORMALIZATION_H
#define EP_L2_NORMALIZATION_H

#include <stdint.h>

void ep_l2_normalization_ref(const int8_t *in, int8_t *out, uint32_t rows, uint32_t len, int32_t in_zero);

#endif
