#include "dsp/depthwise_int16.h"

#include "dsp/arith.h"
#include "ep_fixed_point.h"
#include "ep_weight.h"

#define TOGETHER 4

/* The taps of a window that lie inside the image: rows of them, from `first` on. */
typedef struct {
    const int16_t *first;
    int32_t rows, columns;
    int32_t tap;       /* of the window, in taps */
    int32_t row_taps;  /* from a row's last tap inside to the next row's first */
    int32_t pixel;     /* elements from a tap to the next */
    int32_t row_pixels; /* elements from behind a row's last tap to the next row's first */
} taps_t;

/* How many of `taps` from `at` on, `apart` apart, lie before 0, and before `size`. */
static inline int32_t before(int32_t at, int32_t size, int32_t taps, int32_t apart)
{
    int32_t count = 0;
    while (count < taps && at + count * apart < size) {
        count++;
    }
    return count;
}

static taps_t taps_at(const ep_conv2d_t *layer, const int16_t *in, int32_t y, int32_t x)
{
    const int32_t top = before(y, 0, layer->kernel_h, layer->dilation_h);
    const int32_t left = before(x, 0, layer->kernel_w, layer->dilation_w);
    const int32_t columns = before(x, layer->in_w, layer->kernel_w, layer->dilation_w) - left;
    const int32_t pixel = layer->dilation_w * layer->in_c;
    const taps_t taps = {
        .first = in + ((y + top * layer->dilation_h) * layer->in_w + x + left * layer->dilation_w) * layer->in_c,
        .rows = before(y, layer->in_h, layer->kernel_h, layer->dilation_h) - top,
        .columns = columns,
        .tap = top * layer->kernel_w + left,
        .row_taps = layer->kernel_w - columns,
        .pixel = pixel,
        .row_pixels = layer->dilation_h * layer->in_w * layer->in_c - columns * pixel,
    };
    return taps;
}

static inline uint32_t two(const int16_t *x, int32_t left)
{
    return left >= 2 ? ep_load_word(x) : (left == 1 ? ep_lanes(x[0], 0) : 0U);
}

/* Adds a window's products to the sums of four channels, the first `left` of which there are. */
EP_INLINE void add_window(const taps_t *taps, const int16_t *x, const uint32_t *weights, int32_t left, int32_t acc[TOGETHER])
{
    int32_t a = acc[0];
    int32_t b = acc[1];
    int32_t c = acc[2];
    int32_t d = acc[3];
    for (int32_t rows = taps->rows; rows > 0; rows--) {
        for (int32_t columns = taps->columns; columns > 0; columns--) {
            const uint32_t four = *weights++;
            const uint32_t ab = ep_sxtb16(four);
            const uint32_t cd = ep_sxtb16_ror8(four);
            const uint32_t x_ab = two(x, left);
            const uint32_t x_cd = left > 2 ? two(x + 2, left - 2) : 0U;
            a = ep_smlabb(x_ab, ab, a);
            b = ep_smlatt(x_ab, ab, b);
            c = ep_smlabb(x_cd, cd, c);
            d = ep_smlatt(x_cd, cd, d);
            x += taps->pixel;
        }
        weights += taps->row_taps;
        x += taps->row_pixels;
    }
    acc[0] = a;
    acc[1] = b;
    acc[2] = c;
    acc[3] = d;
}

static void pixel(const ep_conv2d_t *layer, const ep_depthwise16_t *filters, const taps_t *taps, int16_t *out)
{
    const int32_t window = layer->kernel_h * layer->kernel_w;
    const uint32_t *weights = filters->weights + taps->tap;
    for (int32_t c = 0; c < layer->in_c; c += TOGETHER, weights += window) {
        const int32_t left = layer->in_c - c;
        int32_t acc[TOGETHER] = {0};
        if (left >= TOGETHER) {
            add_window(taps, taps->first + c, weights, TOGETHER, acc);
        } else {
            add_window(taps, taps->first + c, weights, left, acc);
        }
        for (int32_t i = 0; i < TOGETHER && i < left; i++) {
            const int32_t real = ep_smmlar(acc[i] + filters->bias[c + i], filters->factor[c + i], 0);
            out[c + i] = (int16_t)ep_clamp(real, filters->out_min, filters->out_max);
        }
    }
}

void ep_depthwise_int16_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_depthwise16_t *filters)
{
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++, out += layer->in_c) {
            const taps_t taps =
                taps_at(layer, in, y * layer->stride_h - layer->pad_top, x * layer->stride_w - layer->pad_left);
            pixel(layer, filters, &taps, out);
        }
    }
}
