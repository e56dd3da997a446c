/*
 * ep_products.h on a core with the DSP extension: six rows at a time.
 *
 *   weights  words: for each six rows, for each two inputs, lanes of 256 * b + a of three pairs of rows (dsp/tile.h); rows
 *            and inputs filled up with zeros to sixes and fours
 *   wide     inputs 0 and 2, then 1 and 3 of every four as lanes
 *
 * Range:   |weight b| <= 127, -2^23 <= sum of a row < 2^23; proved in edgeprune/engine/kernels/dsp/lstm.py.
 * ep_push_dsp: ep_svdf.h's, two values at a time.
 *
 * Proof:   tests/firmware/operators/test_lstm.py, tests/firmware/operators/test_svdf.py.
 */
#ifndef EP_DSP_PRODUCTS_H
#define EP_DSP_PRODUCTS_H

#include "ep_products.h"
#include "ep_svdf.h"

void ep_widen_dsp(const int8_t *x, uint32_t len, void *wide);
void ep_multiply_dsp(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc);
int32_t ep_push_dsp(int16_t *memory, const int16_t *times, uint32_t len, int32_t newest);

#endif
