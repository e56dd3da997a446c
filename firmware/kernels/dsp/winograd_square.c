#include "dsp/winograd_tile.h"

#define SIDE 6U
#define POINTS (SIDE * SIDE)
#define STEP 2U         /* words from a point to the next: two tiles */
#define SUM_STEP EP_WINOGRAD_SUM_STEP
#define BLOCK_COLUMNS 8 /* two tiles of four */
#define BLOCK_ROWS 4
#define LINE_PIXELS 10U

#define RAISE 0x00800080U      /* makes inputs unsigned */
#define RAISE_SUMS 0x32003200U /* 12,800 more, so that no transformed input is negative */

/* Along the height, in place: all points of two channels, two tiles. */
static inline void transform_down(uint32_t *inputs)
{
    for (uint32_t *const end = inputs + SIDE * STEP; inputs != end; inputs++) {
        const uint32_t d0 = inputs[0];
        const uint32_t d1 = inputs[SIDE * STEP];
        const uint32_t d2 = inputs[2U * SIDE * STEP];
        const uint32_t d3 = inputs[3U * SIDE * STEP];
        const uint32_t d4 = inputs[4U * SIDE * STEP] + RAISE_SUMS;
        const uint32_t d5 = inputs[5U * SIDE * STEP] + RAISE_SUMS;
        EP_WINOGRAD_INPUTS(d0, d1, d2, d3, d4, d5, inputs, SIDE * STEP);
    }
}

static void transform_block(const ep_winograd_t *layer, const int8_t *in, int32_t y, int32_t x, int8_t *line,
                            uint32_t *inputs)
{
    const uint32_t channels = layer->in_c;
    const uint32_t raise = RAISE;
    for (uint32_t row = 0; row < SIDE; row++) {
        const int8_t *pixel = ep_winograd_line(layer, in, y + (int32_t)row, x, line);
        uint32_t *at = inputs + row * SIDE * STEP;
        for (const int8_t *const end = pixel + channels; pixel != end; pixel += 4) {
            const int8_t *const second = pixel + 4U * channels;
            EP_WINOGRAD_ACROSS(pixel, channels, at, POINTS * STEP, raise, raise, raise);
            EP_WINOGRAD_ACROSS(second, channels, at + 1, POINTS * STEP, raise, raise, raise);
            at += 2U * POINTS * STEP;
        }
    }
    for (uint32_t pair = 0; pair < channels / 2U; pair++) {
        transform_down(inputs);
        inputs += POINTS * STEP;
    }
}

/* The sums of one channel and one tile are transformed in place, then requantized. */
static void write_tile(int32_t *sums, ep_winograd_scale_t scale, int8_t *out, const ep_winograd_t *layer)
{
    const uint32_t pixel = layer->out_pixel;
    const uint32_t row_bytes = layer->w * pixel;
    const uint32_t shift = layer->shift;
    uint32_t *at = (uint32_t *)sums;
    for (uint32_t *const end = at + SIDE * SUM_STEP; at != end; at += SUM_STEP) {
        EP_WINOGRAD_OUTPUTS(at, SIDE * SUM_STEP, at, SIDE * SUM_STEP);
    }
    for (uint32_t row = 0; row < BLOCK_ROWS; row++) {
        ep_winograd_write(sums, scale, out, pixel, shift);
        sums += SIDE * SUM_STEP;
        out += row_bytes;
    }
}

void ep_winograd_square_dsp(const ep_winograd_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t out_c = layer->out_c;
    const uint32_t pixel = layer->out_pixel;
    const uint32_t row_bytes = layer->w * pixel;
    uint32_t *const inputs = scratch;
    int32_t *const sums = (int32_t *)(inputs + POINTS * layer->in_c);
    int8_t *const line = (int8_t *)(sums + POINTS * SUM_STEP);
    for (int32_t y = 0; y < layer->h; y += BLOCK_ROWS) {
        for (int32_t x = 0; x < layer->w; x += BLOCK_COLUMNS) {
            transform_block(layer, in, y - 1, x - 1, line, inputs);
            const uint32_t *stream = layer->stream;
            for (int8_t *const end = out + out_c; out != end;) {
                stream = layer->points(inputs, stream, sums);
                for (uint32_t channel = 0; channel < 4U; channel++, out++, stream += 3) {
                    const ep_winograd_scale_t scale = {(int32_t)stream[0], (int32_t)stream[1], (int32_t)stream[2]};
                    write_tile(sums + 2U * channel, scale, out, layer);
                    write_tile(sums + 2U * channel + 1U, scale, out + 4U * pixel, layer);
                }
            }
            out += BLOCK_COLUMNS * pixel - out_c;
        }
        out += (BLOCK_ROWS - 1) * row_bytes;
    }
}
