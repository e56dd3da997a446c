/*
 * ep_products.h on a core with the vector extension: 16 products an instruction, four rows at a time.
 *
 *   weights  int8 [rows rounded up to 4][len], zeros behind the last row; the vector as it is
 *
 * Proof:   tests/firmware/operators/test_lstm.py.
 */
#ifndef EP_MVE_PRODUCTS_H
#define EP_MVE_PRODUCTS_H

#include "ep_products.h"

void ep_multiply_mve(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc);

#endif
