/*
 * Convolution and dense layers whose weights lie packed in flash: where they are not zero, and what they are there.
 *
 * Filters (outputs, of a dense layer) lie one after the other, each as
 *
 *   codes     `bits` bits for each of the filter's inputs, the lowest first, up to a whole byte: which taps of that
 *             input's kernel are not zero, the first tap lowest; with `masks` the place of that in `masks`.
 *             0 bits: there are no codes and no weight is zero.
 *   values    of those taps, input by input: int8; or, with `book`, 4-bit places in it, two a byte, the first one low,
 *             up to a whole byte
 *
 * A dense layer's input has one tap. The arithmetic is that of ep_conv2d.h and ep_dense.h, and so are the types;
 * `bias` holds bias[o] - in_zero * sum of the filter's weights.
 *
 * Scratch: convolutions `4 * (most_weights + lane_words) + window_rows * window_row_bytes + 3 * pixel_bytes + 3` bytes,
 *          4-byte aligned: a filter's weights, and the image rows under `block_rows` rows of the output. ep_dense_packed_ref none.
 * Order:   rows of the output ascending; image rows are read before the first output row they take part in is written.
 *          A dense layer's input is read again for each output.
 * Proof:   tests/firmware/operators/test_compressed.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_PACKED_H
#define EP_PACKED_H

#include <stdint.h>

typedef struct {
    const uint8_t *weights;
    const uint32_t *masks; /* or NULL */
    const int8_t *book;    /* 16, or NULL */
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint32_t all_taps; /* the mask of a kernel without zeros */
    uint16_t most_weights;
    uint16_t scale_step; /* 1: a multiplier per output channel; 0: one for all */
    uint16_t in_h, in_row_bytes, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t group_in_c, group_out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, pixel_bytes; /* of the image, from one output to the next */
    uint16_t pad_top, pad_left_bytes, window_row_bytes;
    uint16_t block_rows, window_rows; /* (block_rows - 1) * stride_h + kernel_h */
    uint16_t lane_words;              /* of scratch, for ep_conv2d_packed_dsp; 0 */
    int16_t in_zero, out_zero, out_min, out_max;
    uint8_t bits;
} ep_conv2d_packed_t;

typedef struct {
    const uint8_t *weights;
    const int8_t *book; /* 16, or NULL */
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint16_t scale_step;
    uint16_t rows, in_len, out_len;
    int16_t out_zero, out_min, out_max;
    uint8_t bits; /* 0 or 1 */
} ep_dense_packed_t;

#define EP_PACKED_PIXELS 4U

/* One output channel of `height` rows. An item is a weight in the high half, and in the low one its input's offset from
 * the window's first; what lies behind a row's last window may be read. */
typedef void (*ep_packed_filter_t)(const ep_conv2d_packed_t *layer, uint32_t channel, uint32_t *items,
                                   const uint32_t *end, const int8_t *rows, uint32_t height, int8_t *out);

void ep_conv2d_packed(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch,
                      ep_packed_filter_t run);

/* Writes the outputs of sums, pixel by pixel. */
void ep_packed_finish(const ep_conv2d_packed_t *layer, uint32_t channel, const int32_t *sums, const int32_t *end,
                      int8_t *out);

/* Weight by weight; and all of a filter, the zeros too, two at a time, which is faster where few are zero. */
void ep_conv2d_packed_ref(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch);
void ep_conv2d_packed_dsp(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch);
void ep_dense_packed_ref(const ep_dense_packed_t *layer, const int8_t *in, int8_t *out);

#endif
