#include "ep_pieces.h"

#include <string.h>

/* `count` slices, `step` bytes apart, side by side. */
static int8_t *gather(const int8_t *from, uint32_t step, uint32_t count, uint32_t slice, int8_t *to)
{
    if (step == slice) {
        (void)memcpy(to, from, count * slice);
        return to + count * slice;
    }
    for (; count != 0U; count--, from += step) {
        for (uint32_t i = 0; i < slice; i++) {
            *to++ = from[i];
        }
    }
    return to;
}

static int8_t *blank(const ep_piece_t *piece, uint32_t columns, int8_t *to)
{
    (void)memset(to, piece->in_zero, columns * piece->slice);
    return to + columns * piece->slice;
}

void ep_piece_load(const ep_piece_t *piece, const int8_t *in, uint32_t group, uint32_t y, int8_t *rows)
{
    const uint32_t slice = piece->slice;
    int32_t row = piece->top + (int32_t)(y * piece->row_stride);
    in += piece->in_first + group * slice;
    for (uint32_t taps = piece->kernel_h; taps != 0U; taps--, row += piece->row_dilation) {
        if (row < 0 || row >= piece->in_h) {
            rows = blank(piece, (uint32_t)piece->before + piece->inside + piece->behind, rows);
            continue;
        }
        rows = blank(piece, piece->before, rows);
        rows = gather(in + (uint32_t)row * piece->in_row_step, piece->in_step, piece->inside, slice, rows);
        rows = blank(piece, piece->behind, rows);
    }
}
