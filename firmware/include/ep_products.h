/*
 * A matrix of int8 weights times a vector of int8 values, sums as they are: what recurrent layers spend their time on.
 *
 *   acc[o] = sum_i x[i] * weight[o][i]      o = 0 .. rows - 1, i = 0 .. len - 1
 *
 *   widen     the vector as `multiply` reads it, once for all matrices it meets; NULL: as it is
 *   multiply  weights in an order of its own
 *
 *   ep_multiply_ref  weights int8 [rows][len]
 *
 * Align:   4 bytes for the widened vector, acc and weights; acc has room for what the order of weights adds.
 * Proof:   tests/firmware/operators/test_lstm.py.
 */
#ifndef EP_PRODUCTS_H
#define EP_PRODUCTS_H

#include <stdint.h>

typedef struct {
    void (*widen)(const int8_t *x, uint32_t len, void *wide);
    void (*multiply)(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc);
} ep_products_t;

void ep_multiply_ref(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc);

#endif
