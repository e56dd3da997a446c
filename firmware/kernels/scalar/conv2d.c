#include "scalar/conv2d.h"

#include <string.h>

#include "scalar/arith.h"
#include "scalar/columns.h"
#include "scalar/tile.h"

typedef struct {
    int32_t top, left; /* of a window in the image */
} corner_t;

typedef struct {
    uint32_t y, x; /* of an output pixel */
} place_t;

/* By at most what is left of the row. */
static void move(const ep_conv2d_scalar_t *layer, place_t *place, uint32_t pixels)
{
    place->x += pixels;
    if (place->x == layer->out_w) {
        place->x = 0;
        place->y++;
    }
}

static corner_t corner_of(const ep_conv2d_scalar_t *layer, place_t place)
{
    const corner_t corner = {(int32_t)(place.y * layer->stride_h) - layer->pad_top,
                             (int32_t)(place.x * layer->stride_w) - layer->pad_left};
    return corner;
}

/* Copies pixel p's window, the zero point where it leaves the image; returns the sum of what it copied. */
static int32_t fill_one(const ep_conv2d_scalar_t *layer, const int8_t *in, corner_t corner, uint32_t p,
                        uint32_t *columns)
{
    const int32_t zero = layer->in_zero;
    const int32_t width = layer->kernel_w;
    const int32_t before = corner.left < 0 ? -corner.left : 0;
    const int32_t right = layer->in_w - corner.left;
    const int32_t inside_end = right < width ? right : width;
    int32_t sum = 0;
    for (int32_t row = corner.top; row != corner.top + layer->kernel_h; row++) {
        const int32_t whole = row >= 0 && row < layer->in_h;
        const uint32_t first = (uint32_t)(whole ? before : width) * layer->in_c;
        const uint32_t inside = (uint32_t)(whole ? inside_end - before : 0) * layer->in_c;
        const uint32_t last = (uint32_t)width * layer->in_c - first - inside;
        ep_put_same(zero, first, p, columns);
        columns += EP_COLUMN_WORDS * first;
        if (inside != 0U) {
            sum += ep_put_one(in + (row * layer->in_w + corner.left + before) * layer->in_c, inside, p, columns);
            columns += EP_COLUMN_WORDS * inside;
        }
        ep_put_same(zero, last, p, columns);
        columns += EP_COLUMN_WORDS * last;
        sum += zero * (int32_t)(first + last);
    }
    return sum;
}

/* The same for four neighbours in a row that do not leave the image. */
static void fill_four(const ep_conv2d_scalar_t *layer, const int8_t *in, uint32_t *columns,
                      int32_t sums[EP_COLUMN_PIXELS])
{
    const uint32_t step = (uint32_t)layer->stride_w * layer->in_c;
    const uint32_t segment = (uint32_t)layer->kernel_w * layer->in_c;
    const uint32_t row_bytes = (uint32_t)layer->in_w * layer->in_c;
    sums[0] = sums[1] = sums[2] = sums[3] = 0;
    for (uint32_t rows = layer->kernel_h; rows != 0U; rows--, in += row_bytes) {
        columns = ep_put_four(in, in + segment, step, columns, sums);
    }
}

/* `count` pixels from (y, x) on, which moves on. What follows them in the columns is left from before. */
static void fill(const ep_conv2d_scalar_t *layer, const int8_t *in, place_t *place, uint32_t count, uint32_t *columns,
                 int32_t sums[EP_COLUMN_PIXELS])
{
    const uint32_t x = place->x;
    const corner_t corner = corner_of(layer, *place);
    const int32_t right = corner.left + (int32_t)((EP_COLUMN_PIXELS - 1U) * layer->stride_w) + layer->kernel_w;
    if (count == EP_COLUMN_PIXELS && x + EP_COLUMN_PIXELS <= layer->out_w && corner.left >= 0 && right <= layer->in_w
        && corner.top >= 0 && corner.top + layer->kernel_h <= layer->in_h) {
        fill_four(layer, in + (corner.top * layer->in_w + corner.left) * layer->in_c, columns, sums);
        move(layer, place, EP_COLUMN_PIXELS);
        return;
    }
    for (uint32_t p = 0; p < count; p++) {
        sums[p] = fill_one(layer, in, corner_of(layer, *place), p, columns);
        move(layer, place, 1);
    }
}

static void clamp(int8_t *out, uint32_t count, int32_t low, int32_t high)
{
    for (const int8_t *const end = out + count; out != end; out++) {
        *out = (int8_t)ep_limit(*out, low, high);
    }
}

void ep_conv2d_scalar(const ep_conv2d_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    uint32_t *const columns = scratch;
    const uint32_t column_words = 4U * EP_COLUMN_WORDS * layer->steps;
    int8_t *const tile = (int8_t *)(columns + 4U * EP_COLUMN_PIXELS * layer->steps);
    const uint32_t out_c = layer->out_c;
    const uint32_t pixel = layer->out_pixel;
    const uint32_t is_clamped = layer->out_min > -128 || layer->out_max < 127;
    int32_t sums[EP_COLUMN_PIXELS] = {0};
    place_t place = {0, 0};
    for (uint32_t word = 0; word < column_words; word++) {
        columns[word] = 0; /* taps behind the last one stay so */
    }
    for (uint32_t left = (uint32_t)layer->out_h * layer->out_w; left != 0U;) {
        const uint32_t count = left < EP_COLUMN_PIXELS ? left : EP_COLUMN_PIXELS;
        fill(layer, in, &place, count, columns, sums);
        left -= count;
        if (count == EP_COLUMN_PIXELS) {
            ep_tile_scalar(columns, sums, layer->stream, layer->steps, out_c, pixel, out);
        } else {
            ep_tile_scalar(columns, sums, layer->stream, layer->steps, out_c, out_c, tile);
            for (uint32_t p = 0; p < count; p++) {
                (void)memcpy(out + p * pixel, tile + p * out_c, out_c);
            }
        }
        for (uint32_t p = 0; is_clamped != 0U && p < count; p++) {
            clamp(out + p * pixel, out_c, layer->out_min, layer->out_max);
        }
        out += count * pixel;
    }
}
