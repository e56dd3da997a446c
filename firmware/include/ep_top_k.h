/*
 * The k greatest values of each row in descending order, and where they are; of equals the first comes first.
 *
 *   in       int8   [rows][len]
 *   out      int8   [rows][k]
 *   indices  int32  [rows][k]
 *
 * Range:   1 <= k <= len.
 * Scratch: 0 bytes. Align: 4 bytes for indices.
 * Proof:   tests/firmware/operators/test_arg_max.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_TOP_K_H
#define EP_TOP_K_H

#include <stdint.h>

typedef struct {
    uint32_t rows, len, k;
} ep_top_k_t;

void ep_top_k_ref(const ep_top_k_t *layer, const int8_t *in, int8_t *out, int32_t *indices);

#endif
