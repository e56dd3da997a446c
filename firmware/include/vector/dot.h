/*
 * Dot products of int8 rows in loops that compilers make vector instructions of.
 *
 *   sums[p][o] = sum_k x[p][k] * weights[o][k]
 *
 *   x        int8  [taps], four of them or one
 *   weights  int8  [channels][taps], none of them -128
 *   sums     int32 [4][channels], or [channels]
 *
 * Range: taps a multiple of 16, at most 65,536; channels a multiple of 4. Where the processor has dot products of int8
 * (SDOT), these; elsewhere two products make an int16 (2 * 128 * 127 fits) before they are added up: half the widening.
 * Proof: tests/hosted/test_vector_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_VECTOR_DOT_H
#define EP_VECTOR_DOT_H

#include <stdint.h>

void ep_vector_dot4(const int8_t *const x[4], const int8_t *weights, int32_t taps, int32_t *sums, int32_t channels);
void ep_vector_dot1(const int8_t *x, const int8_t *weights, int32_t taps, int32_t *sums, int32_t channels);

#endif
