/*
 * CONV_2D and FULLY_CONNECTED whose weights lie compressed in flash and are decoded as they are read.
 *
 * Weights come in runs of neighbouring input channels (group_in_c of a filter's tap; in_len of a dense output), in the
 * order of the plain weights. What a run is:
 *
 *   sparse  a bit for each weight, the first one lowest, up to a whole byte; then the weights whose bits are set, int8
 *   coded   4-bit numbers of values, two a byte, the first one low, up to a whole byte. Before all runs: 16 int8 values
 *
 * Proof:   tests/firmware/test_compressed.py, the same bytes as LiteRT's reference interpreter.
 */
#include <stddef.h>

#include "ep_conv2d.h"
#include "ep_dense.h"
#include "ep_fixed_point.h"

#define EP_INLINE static inline __attribute__((always_inline))
#define CODEBOOK_VALUES 16

/* Adds a run's products to `acc`, or only passes over it where `in` is NULL. Returns the next run. */
typedef const int8_t *(*add_run_t)(const int8_t *book, const int8_t *run, const int8_t *in, int32_t in_zero,
                                   uint32_t count, int32_t *acc);

static __attribute__((noinline)) const int8_t *add_sparse(const int8_t *book, const int8_t *run, const int8_t *in,
                                                          int32_t in_zero, uint32_t count, int32_t *acc)
{
    const int8_t *values = run + (count + 7U) / 8U;
    const int8_t *const end = values;
    int32_t sum = *acc;
    (void)book;
    for (uint32_t first = 0; run != end; run++, first += 8U) {
        uint32_t i = first;
        for (uint32_t bits = (uint8_t)*run; bits != 0U; bits >>= 1, i++) {
            if ((bits & 1U) != 0U) {
                if (in != NULL) {
                    sum += (in[i] - in_zero) * *values;
                }
                values++;
            }
        }
    }
    *acc = sum;
    return values;
}

static __attribute__((noinline)) const int8_t *add_coded(const int8_t *book, const int8_t *run, const int8_t *in,
                                                         int32_t in_zero, uint32_t count, int32_t *acc)
{
    const int8_t *const end = run + (count + 1U) / 2U;
    if (in == NULL) {
        return end;
    }
    int32_t sum = *acc;
    for (const int8_t *const whole = run + count / 2U; run != whole; run++, in += 2) {
        const uint32_t pair = (uint8_t)*run;
        sum += (in[0] - in_zero) * book[pair & 15U] + (in[1] - in_zero) * book[pair >> 4];
    }
    if (run != end) {
        sum += (in[0] - in_zero) * book[(uint8_t)*run & 15U];
    }
    *acc = sum;
    return end;
}

EP_INLINE void dense(const ep_dense_t *layer, const int8_t *in, int8_t *out, const int8_t *first, add_run_t add_run)
{
    for (uint32_t n = 0; n < layer->rows; n++, in += layer->in_len) {
        const int8_t *run = first;
        for (int32_t o = 0; o < layer->out_len; o++) {
            int32_t acc = layer->bias != NULL ? layer->bias[o] : 0;
            run = add_run(layer->weights, run, in, layer->in_zero, layer->in_len, &acc);
            const int32_t scale = o * layer->scale_step;
            acc = ep_requant_once(acc, layer->multiplier[scale], layer->shift[scale]) + layer->out_zero;
            *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
        }
    }
}

void ep_dense_sparse_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out)
{
    dense(layer, in, out, layer->weights, add_sparse);
}

void ep_dense_coded_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out)
{
    dense(layer, in, out, layer->weights + CODEBOOK_VALUES, add_coded);
}

/* One filter over the window whose first tap lies at (y, x), maybe outside. Returns the next filter. */
EP_INLINE const int8_t *add_window(const ep_conv2d_t *layer, const int8_t *in, const int8_t *run, int32_t y, int32_t x,
                                   int32_t *acc, add_run_t add_run)
{
    for (int32_t i = 0; i < layer->kernel_h; i++) {
        const int32_t row = y + i * layer->dilation_h;
        for (int32_t j = 0; j < layer->kernel_w; j++) {
            const int32_t column = x + j * layer->dilation_w;
            const int8_t *pixel = NULL;
            if (row >= 0 && row < layer->in_h && column >= 0 && column < layer->in_w) {
                pixel = in + (row * layer->in_w + column) * layer->in_c;
            }
            run = add_run(layer->weights, run, pixel, layer->in_zero, layer->group_in_c, acc);
        }
    }
    return run;
}

EP_INLINE void conv2d(const ep_conv2d_t *layer, const int8_t *in, int8_t *out, const int8_t *first, add_run_t add_run)
{
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            const int8_t *filter = first;
            for (int32_t o = 0; o < layer->out_c; o++) {
                const int8_t *group = in + o / layer->group_out_c * layer->group_in_c;
                int32_t acc = layer->bias != NULL ? layer->bias[o] : 0;
                filter = add_window(layer, group, filter, y * layer->stride_h - layer->pad_top,
                                    x * layer->stride_w - layer->pad_left, &acc, add_run);
                const int32_t scale = o * layer->scale_step;
                acc = ep_requant(acc, layer->multiplier[scale], layer->shift[scale]) + layer->out_zero;
                *out++ = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
            }
        }
    }
}

void ep_conv2d_sparse_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out)
{
    conv2d(layer, in, out, layer->weights, add_sparse);
}

void ep_conv2d_coded_ref(const ep_conv2d_t *layer, const int8_t *in, int8_t *out)
{
    conv2d(layer, in, out, layer->weights + CODEBOOK_VALUES, add_coded);
}
