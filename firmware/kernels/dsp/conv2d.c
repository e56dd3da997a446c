#include "dsp/conv2d.h"

#include <string.h>

/* Copies image row `y`, or the zero point where there is none, into the middle of a window's row. */
static void load_row(const ep_conv2d_dsp_t *layer, const int8_t *in, int32_t y, int8_t *window_row)
{
    int8_t *const middle = window_row + layer->pad_left_bytes;
    if (y >= 0 && y < layer->in_h) {
        memcpy(middle, in + (uint32_t)y * layer->in_row_bytes, layer->in_row_bytes);
    } else {
        memset(middle, layer->in_zero, layer->in_row_bytes);
    }
}

/* Moves the window down to the rows of output row `y`. */
static void move_window(const ep_conv2d_dsp_t *layer, const int8_t *in, uint32_t y, int8_t *rows)
{
    const uint32_t row_bytes = layer->window.row_bytes;
    const uint32_t height = layer->window.rows;
    uint32_t kept = 0;
    if (y == 0U) {
        memset(rows, layer->in_zero, height * row_bytes);
    } else if (height > layer->stride_h) {
        kept = height - layer->stride_h;
        memmove(rows, rows + layer->stride_h * row_bytes, kept * row_bytes);
    }
    const int32_t first = (int32_t)(y * layer->stride_h) - (int32_t)layer->pad_top;
    for (uint32_t row = kept; row < height; row++) {
        load_row(layer, in, first + (int32_t)row, rows + row * row_bytes);
    }
}

void ep_conv2d_dsp(const ep_conv2d_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    uint32_t *const columns = scratch;
    int8_t *const rows = (int8_t *)(columns + 2U * EP_TILE_PIXELS * layer->steps);
    const ep_window_t *const window = &layer->window;
    const uint32_t pixel_bytes = window->pixel_bytes;
    const uint32_t tile_bytes = EP_TILE_PIXELS * layer->out_pixel;
    const uint32_t read_bytes = EP_TILE_PIXELS * pixel_bytes;
    uint32_t filled = 0; /* pixels of the next tile whose columns are there */
    for (uint32_t y = 0; y < layer->out_h; y++) {
        const int8_t *at = in + y * layer->stride_h * layer->in_row_bytes;
        if (layer->window_copied != 0U) {
            move_window(layer, in, y, rows);
            at = rows;
        }
        for (uint32_t left = layer->out_w; left != 0U;) {
            if (filled == 0U) {
                /* What is left of the row behind a tile and what filling up reads beyond it. */
                int32_t spare = (int32_t)(left * pixel_bytes) - (int32_t)(read_bytes + layer->overread_bytes);
                for (; spare >= 0; spare -= (int32_t)read_bytes) {
                    ep_columns_three(window, at, columns);
                    layer->tile(columns, layer->stream, out);
                    at += read_bytes;
                    out += tile_bytes;
                    left -= EP_TILE_PIXELS;
                }
                if (left == 0U) {
                    break;
                }
            }
            ep_columns_one(window, at, columns + filled);
            at += pixel_bytes;
            left--;
            filled++;
            if (filled == EP_TILE_PIXELS) {
                layer->tile(columns, layer->stream, out);
                out += tile_bytes;
                filled = 0;
            }
        }
    }
    if (filled != 0U) {
        /* The last tile steps back to be full, over pixels already done whose columns are still there. */
        ep_columns_rotate(filled, 2U * layer->steps, columns);
        layer->tile(columns, layer->stream, out - (EP_TILE_PIXELS - filled) * layer->out_pixel);
    }
}
