#include "mve/pieces.h"

#include "mve/single_channels.h"

static void fill_column(const ep_piece_t *piece, const int8_t *rows, int8_t *column)
{
    const uint32_t segment = (uint32_t)piece->kernel_w * piece->slice;
    const uint32_t row_bytes = ((uint32_t)piece->before + piece->inside + piece->behind) * piece->slice;
    for (uint32_t left = piece->kernel_h; left != 0U; left--, rows += row_bytes, column += segment) {
        ep_mve_copy(column, rows, segment);
    }
}

/* One row of one group's outputs. */
static void run_row(const ep_piece_mve_t *own, const int32_t *stream, int8_t *out, int8_t *columns, uint32_t taps,
                    const int8_t *rows)
{
    const ep_piece_t *const piece = &own->piece;
    const uint32_t step = (uint32_t)piece->stride * piece->slice;
    int8_t *const b = columns + ((taps + 15U) & ~15U);
    ep_mve_tile_job_t job;
    job.column_a = columns;
    job.steps = taps / 16U;
    job.tail = taps % 16U;
    job.out_zero = own->out_zero;
    job.out_min = own->out_min;
    job.out_max = own->out_max;
    for (uint32_t left = piece->out_w; left != 0U;) {
        const uint32_t pixels = left < 2U ? 1U : 2U;
        fill_column(piece, rows, columns);
        if (pixels == 2U) {
            fill_column(piece, rows + step, b);
        }
        job.column_b = pixels == 2U ? b : columns;
        job.out_a = out;
        job.out_b = out + (pixels - 1U) * piece->out_pixel;
        job.groups = piece->channels / 4U;
        const int32_t *const rest = job.groups != 0U ? own->tile(&job, stream) : stream;
        ep_mve_single_channels(&job, rest, taps, piece->channels % 4U, job.column_a, job.out_a);
        if (pixels == 2U) {
            ep_mve_single_channels(&job, rest, taps, piece->channels % 4U, job.column_b, job.out_b);
        }
        rows += pixels * step;
        out += pixels * piece->out_pixel;
        left -= pixels;
    }
}

void ep_pieces_mve(const ep_piece_mve_t *pieces, uint32_t count, uint32_t out_h, const int8_t *in, int8_t *out,
                   void *scratch)
{
    int8_t *const columns = scratch;
    for (uint32_t y = 0; y < out_h; y++) {
        for (const ep_piece_mve_t *own = pieces; own != pieces + count; own++) {
            const ep_piece_t *const piece = &own->piece;
            if (y >= piece->out_h) {
                continue;
            }
            const uint32_t taps = (uint32_t)piece->kernel_h * piece->kernel_w * piece->slice;
            int8_t *const rows = columns + 2U * ((taps + 15U) & ~15U);
            int8_t *to = out + piece->out_first + y * piece->out_row_step;
            const int32_t *stream = own->stream;
            for (uint32_t group = 0; group < piece->groups; group++) {
                ep_piece_load(piece, in, group, y, rows);
                run_row(own, stream, to, columns, taps, rows);
                to += piece->channels;
                stream += own->stream_words;
            }
        }
    }
}
