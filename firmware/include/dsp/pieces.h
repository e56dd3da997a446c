/*
 * Convolutions in pieces (ep_pieces.h) three pixels at a time: the columns of dsp/columns.h and the tile of dsp/tile.h.
 *
 *   stream    of `tile`, group after group, `stream_words` each
 *   stored    0: the tile writes to `out`; else it writes to scratch, `stored` bytes a pixel, and the channels are copied:
 *             where a row has fewer than three outputs, or a group one channel, which the tile computes twice
 *
 * Scratch: columns, 24 * steps bytes; three pixels of `stored` bytes, rounded up to 4; the rows and 3 bytes more. Align: 4.
 * Order:   row after row of outputs, all pieces and groups of a row; a row's inputs may be read until it is written.
 * Proof:   tests/firmware/operators/test_window_layers.py, the same bytes as LiteRT's reference interpreter, overlapping too.
 */
#ifndef EP_DSP_PIECES_H
#define EP_DSP_PIECES_H

#include "dsp/columns.h"
#include "dsp/tile.h"
#include "ep_pieces.h"

typedef struct {
    ep_piece_t piece;
    ep_tile_t tile;
    const uint32_t *stream;
    ep_window_t window;
    uint32_t stream_words;
    uint16_t steps, stored;
} ep_piece_dsp_t;

/* Runs `count` pieces, none of which has more than `out_h` rows of outputs. */
void ep_pieces_dsp(const ep_piece_dsp_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                   void *scratch);

#endif
