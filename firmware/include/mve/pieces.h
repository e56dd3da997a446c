/*
 * Convolutions in pieces (ep_pieces.h) two pixels at a time, by mve/tile.h.
 *
 *   stream   of `tile` for channels / 4 groups of four, then single channels (mve/single_channels.h); group of the
 *            convolution after group, `stream_words` each
 *
 * Scratch: the columns of two pixels, taps rounded up to 16 bytes each; the rows. Align: 4 bytes for stream.
 * Order:   row after row of outputs, all pieces and groups of a row; a row's inputs may be read until it is written.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter, overlapping too.
 */
#ifndef EP_MVE_PIECES_H
#define EP_MVE_PIECES_H

#include "ep_pieces.h"
#include "mve/tile.h"

typedef struct {
    ep_piece_t piece;
    ep_mve_tile_t tile;
    const int32_t *stream;
    uint32_t stream_words;
    int16_t out_zero, out_min, out_max;
} ep_piece_mve_t;

/* Runs `count` pieces, none of which has more than `out_h` rows of outputs. */
void ep_pieces_mve(const ep_piece_mve_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                   void *scratch);

#endif
