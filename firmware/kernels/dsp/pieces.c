#include "dsp/pieces.h"

/* One row of one group's outputs. */
static void run_row(const ep_piece_dsp_t *own, const uint32_t *stream, int8_t *out, uint32_t *columns, int8_t *tile_out,
                    const int8_t *rows)
{
    const ep_piece_t *const piece = &own->piece;
    const uint32_t pixel = piece->out_pixel;
    const uint32_t width = piece->out_w;
    for (uint32_t x = 0; x < width; x += EP_TILE_PIXELS) {
        if (x + EP_TILE_PIXELS > width && width >= EP_TILE_PIXELS) {
            x = width - EP_TILE_PIXELS; /* the last tile steps back to be full */
        }
        ep_columns_three(&own->window, rows + x * own->window.pixel_bytes, columns);
        if (own->stored == 0U) {
            own->tile(columns, stream, out + x * pixel);
            continue;
        }
        own->tile(columns, stream, tile_out);
        for (uint32_t p = 0; p < EP_TILE_PIXELS && x + p < width; p++) {
            for (uint32_t o = 0; o < piece->channels; o++) {
                out[(x + p) * pixel + o] = tile_out[p * own->stored + o];
            }
        }
    }
}

void ep_pieces_dsp(const ep_piece_dsp_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                   void *scratch)
{
    for (uint32_t y = 0; y < out_h; y++) {
        for (const ep_piece_dsp_t *own = pieces; own != pieces + count; own++) {
            const ep_piece_t *const piece = &own->piece;
            if (y >= piece->out_h) {
                continue;
            }
            uint32_t *const columns = scratch;
            int8_t *const tile_out = (int8_t *)(columns + 2U * EP_TILE_PIXELS * own->steps);
            int8_t *const rows = tile_out + ((EP_TILE_PIXELS * own->stored + 3U) & ~3U);
            int8_t *to = out + piece->out_first + y * piece->out_row_step;
            const uint32_t *stream = own->stream;
            for (uint32_t group = 0; group < piece->groups; group++) {
                ep_piece_load(piece, in, group, y, rows);
                run_row(own, stream, to, columns, tile_out, rows);
                to += piece->channels;
                stream += own->stream_words;
            }
        }
    }
}
