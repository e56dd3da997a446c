/*
 * Rows of a constant table picked by whole numbers, as an embedding does.
 *
 *   of int8    out[i] = table[in[i] + 128]
 *   of int16   out[i] = table[in[i]]
 *
 *   rows of row_bytes; a value outside the table is taken as the nearest row's
 *
 *   table  any type  [rows][row_bytes]
 *   in     int8 or int16   [count]
 *   out    as table  [count][row_bytes]
 *
 * Scratch: 0 bytes. Align: 1 byte; 2 bytes for int16.
 * Proof:   tests/firmware/operators/test_gather.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ROWS_H
#define EP_ROWS_H

#include <stdint.h>

void ep_rows_ref(const void *table, const int8_t *in, void *out, uint32_t count, uint32_t rows, uint32_t row_bytes);
void ep_rows_int16_ref(const void *table, const int16_t *in, void *out, uint32_t count, uint32_t rows,
                       uint32_t row_bytes);

#endif
