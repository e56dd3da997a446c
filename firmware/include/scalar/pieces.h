/*
 * Convolutions in pieces (ep_pieces.h) four pixels at a time: the columns of scalar/columns.h and the tile of scalar/tile.h.
 *
 *   stream   of the tile, group after group, `stream_words` each
 *
 * Range:   |acc| < 2^22, proved in edgeprune/engine/kernels/scalar/stream.py.
 * Scratch: columns, 64 bytes a step of four taps; where a row has fewer than four outputs, four pixels of `channels` bytes,
 *          rounded up to 4; the rows. Align: 4 bytes.
 * Order:   row after row of outputs, all pieces and groups of a row; a row's inputs may be read until it is written.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter, overlapping too.
 */
#ifndef EP_SCALAR_PIECES_H
#define EP_SCALAR_PIECES_H

#include "ep_pieces.h"

typedef struct {
    ep_piece_t piece;
    const uint32_t *stream;
    uint32_t stream_words;
    uint16_t steps;
    int16_t out_min, out_max;
} ep_piece_scalar_t;

/* Runs `count` pieces, none of which has more than `out_h` rows of outputs. */
void ep_pieces_scalar(const ep_piece_scalar_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                      void *scratch);

#endif
