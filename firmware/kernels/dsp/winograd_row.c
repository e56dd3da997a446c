#include "dsp/winograd_tile.h"

#define POINTS 6U
#define STEP 2U         /* words from a point to the next: two tiles */
#define BLOCK_PIXELS 8  /* two tiles of four */
#define BLOCK_ROWS 2
#define BLOCK_LINES 4

/*
 * Added to the inputs so that none of the transformed ones is negative: by place in a tile, 2 and 3 alike, both lanes.
 * They add 15360, 1280, 4096, 2560, 3584 and 1280 to the points.
 */
#define RAISE_0 0x0C800C80U
#define RAISE_1 0x01800180U
#define RAISE_2 0x00800080U

/* One line of a block. Returns the inputs behind it. On its own, since its assembler leaves one register over. */
static __attribute__((noinline)) uint32_t *transform_line(const int8_t *line, uint32_t channels, uint32_t *inputs)
{
    const uint32_t raise0 = RAISE_0;
    const uint32_t raise1 = RAISE_1;
    const uint32_t raise2 = RAISE_2;
    for (const int8_t *const end = line + channels; line != end; line += 4) {
        const int8_t *const second = line + 4U * channels;
        EP_WINOGRAD_ACROSS(line, channels, inputs, POINTS * STEP, raise0, raise1, raise2);
        EP_WINOGRAD_ACROSS(second, channels, inputs + 1, POINTS * STEP, raise0, raise1, raise2);
        inputs += 2U * POINTS * STEP;
    }
    return inputs;
}

/* Four channels of a block. Returns the stream behind their constants. */
static const uint32_t *write_block(const int32_t *sums, const uint32_t *stream, int8_t *out, uint32_t pixel,
                                   uint32_t shift)
{
    for (int8_t *const end = out + 4; out != end; out++) {
        const ep_winograd_scale_t scale = {(int32_t)stream[0], (int32_t)stream[1], (int32_t)stream[2]};
        ep_winograd_write(sums, scale, out, pixel, shift);
        ep_winograd_write(sums + 1, scale, out + 4U * pixel, pixel, shift);
        stream += 3;
        sums += 2;
    }
    return stream;
}

void ep_winograd_row_dsp(const ep_winograd_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t out_c = layer->out_c;
    const uint32_t pixel = layer->out_pixel;
    const uint32_t row_bytes = layer->w * pixel;
    const uint32_t line_words = POINTS * layer->in_c;
    uint32_t *const inputs = scratch;
    int32_t *const sums = (int32_t *)(inputs + BLOCK_LINES * line_words);
    int8_t *const line = (int8_t *)(sums + POINTS * EP_WINOGRAD_SUM_STEP);
    for (int32_t y = 0; y < layer->h; y += BLOCK_ROWS) {
        for (int32_t x = 0; x < layer->w; x += BLOCK_PIXELS) {
            uint32_t *at = inputs;
            for (int32_t row = y - 1; row < y - 1 + BLOCK_LINES; row++) {
                at = transform_line(ep_winograd_line(layer, in, row, x - 1, line), layer->in_c, at);
            }
            const uint32_t *stream = layer->stream;
            for (int8_t *const end = out + out_c; out != end; out += 4) {
                const uint32_t *const weights = stream;
                for (uint32_t row = 0; row < BLOCK_ROWS; row++) {
                    stream = layer->points(inputs + row * line_words, weights, sums);
                    stream = write_block(sums, stream, out + row * row_bytes, pixel, layer->shift);
                }
            }
            out += BLOCK_PIXELS * pixel - out_c;
        }
        out += (BLOCK_ROWS - 1) * row_bytes;
    }
}
