/*
 * Rows of a constant table picked by int8 values, as an embedding does.
 *
 *   out[i] = table[in[i] + 128],   rows of row_bytes; a value beyond the last row is taken as that row's
 *
 *   table  any type  [rows][row_bytes]
 *   in     int8      [count]
 *   out    as table  [count][row_bytes]
 *
 * Scratch: 0 bytes. Align: 1 byte.
 * Proof:   tests/firmware/operators/test_gather.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ROWS_H
#define EP_ROWS_H

#include <stdint.h>

void ep_rows_ref(const void *table, const int8_t *in, void *out, uint32_t count, uint32_t rows, uint32_t row_bytes);

#endif
