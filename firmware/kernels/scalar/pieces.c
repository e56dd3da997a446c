#include "scalar/pieces.h"

#include <string.h>

#include "scalar/arith.h"
#include "scalar/columns.h"
#include "scalar/tile.h"

static void clamp(const ep_piece_scalar_t *own, int8_t *out)
{
    for (const int8_t *const end = out + own->piece.channels; out != end; out++) {
        *out = (int8_t)ep_limit(*out, own->out_min, own->out_max);
    }
}

static void fill_columns(const ep_piece_t *piece, const int8_t *rows, uint32_t *columns, int32_t sums[EP_COLUMN_PIXELS])
{
    const uint32_t step = (uint32_t)piece->stride * piece->slice;
    const uint32_t segment = (uint32_t)piece->kernel_w * piece->slice;
    const uint32_t row_bytes = ((uint32_t)piece->before + piece->inside + piece->behind) * piece->slice;
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    for (uint32_t left = piece->kernel_h; left != 0U; left--, rows += row_bytes) {
        columns = ep_put_four(rows, rows + segment, step, columns, sums);
    }
}

/* One row of one group's outputs. */
static void run_row(const ep_piece_scalar_t *own, const uint32_t *stream, int8_t *out, uint32_t *columns, int8_t *tile,
                    const int8_t *rows)
{
    const ep_piece_t *const piece = &own->piece;
    const uint32_t is_clamped = own->out_min > -128 || own->out_max < 127;
    const uint32_t channels = piece->channels;
    const uint32_t pixel = piece->out_pixel;
    const uint32_t width = piece->out_w;
    int32_t sums[EP_COLUMN_PIXELS];
    for (uint32_t x = 0; x < width; x += EP_COLUMN_PIXELS) {
        if (x + EP_COLUMN_PIXELS > width && width >= EP_COLUMN_PIXELS) {
            x = width - EP_COLUMN_PIXELS; /* the last tile steps back to be full */
        }
        fill_columns(piece, rows + x * piece->stride * piece->slice, columns, sums);
        if (width >= EP_COLUMN_PIXELS) {
            ep_tile_scalar(columns, sums, stream, own->steps, channels, pixel, out + x * pixel);
        } else {
            ep_tile_scalar(columns, sums, stream, own->steps, channels, channels, tile);
            for (uint32_t p = 0; p < width; p++) {
                (void)memcpy(out + p * pixel, tile + p * channels, channels);
            }
        }
        for (uint32_t p = 0; is_clamped != 0U && p < EP_COLUMN_PIXELS && x + p < width; p++) {
            clamp(own, out + (x + p) * pixel);
        }
    }
}

void ep_pieces_scalar(const ep_piece_scalar_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                      void *scratch)
{
    uint32_t *const columns = scratch;
    for (uint32_t y = 0; y < out_h; y++) {
        for (const ep_piece_scalar_t *own = pieces; own != pieces + count; own++) {
            const ep_piece_t *const piece = &own->piece;
            if (y >= piece->out_h) {
                continue;
            }
            int8_t *const tile = (int8_t *)(columns + 4U * EP_COLUMN_PIXELS * own->steps);
            const uint32_t tile_bytes = EP_COLUMN_PIXELS * piece->channels;
            int8_t *const rows = piece->out_w < EP_COLUMN_PIXELS ? tile + tile_bytes : tile;
            int8_t *to = out + piece->out_first + y * piece->out_row_step;
            const uint32_t *stream = own->stream;
            const uint32_t taps = (uint32_t)piece->kernel_h * piece->kernel_w * piece->slice;
            for (uint32_t word = EP_COLUMN_WORDS * taps; word < 4U * EP_COLUMN_WORDS * own->steps; word++) {
                columns[word] = 0; /* behind the last tap */
            }
            for (uint32_t group = 0; group < piece->groups; group++) {
                ep_piece_load(piece, in, group, y, rows);
                run_row(own, stream, to, columns, tile, rows);
                to += piece->channels;
                stream += own->stream_words;
            }
        }
    }
}
