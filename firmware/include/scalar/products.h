/*
 * ep_products.h on a core without the DSP extension: eight rows at a time.
 *
 *   weights  words: for each eight rows `run + 2^16 * runs`, then
 *            run > 0   [run * runs][4]  2^16 * b + a of rows 0 and 1, 2 and 3, ...: one multiplication gives two products,
 *                      separated after each run (scalar/pairs.h)
 *            run == 0  [8][taps / 4]    four bytes weight + 128
 *            taps = len rounded up to fours; weights behind a row's end are 0, rows behind the last one, too
 *   wide     int8 [taps], zeros behind the vector
 *
 * Range:   |sum of `run` products| < 2^15, proved in edgeprune/engine/kernels/scalar/lstm.py.
 * Proof:   tests/firmware/operators/test_lstm.py, tests/firmware/operators/test_svdf.py.
 */
#ifndef EP_SCALAR_PRODUCTS_H
#define EP_SCALAR_PRODUCTS_H

#include "ep_products.h"

void ep_widen_scalar(const int8_t *x, uint32_t len, void *wide);
void ep_multiply_scalar(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc);

#endif
