/*
 * Convolution from int16 to int16 on a core with the DSP extension: what ep_conv2d.h states for one group, three pixels
 * and two channels at a time (dsp/tiles16.h).
 *
 * Where `is_short`, sums are proved to stay inside int32, their shifts to lie in 16..32, and the clamp is int16's or
 * RELU's:
 *
 *   out      clamp(round((bias + sum) * factor / 2^32)), halves upwards: what ep_sums16.h states, in one instruction
 *   weights  the stream of ep_short16: pairs (kernel_h * kernel_w * in_c + 1) / 2, factor multiplier * 2^(32 - shift);
 *            an odd number of channels ends with the last two, the first of which the pair before has made already
 *
 * A transposed convolution is one of these for all outputs that meet the same taps: their pixels lie apart.
 *
 * Else sums are carried over in 64 bits from one EP_SEGMENT_PAIRS to the next, and `sums` says what becomes of them:
 *
 *   weights  words  [(out_c + 1) / 2][pairs]  as ep_tile16 reads them
 *
 * Scratch: 12 * pairs + 6 * max(out_c, 2) bytes. Align: 4 bytes for scratch, 2 for images. Order: as ep_conv2d.h; reads earlier.
 * Proof:   tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_CONV2D_INT16_H
#define EP_DSP_CONV2D_INT16_H

#include "ep_conv2d.h"

typedef struct {
    const uint32_t *weights;
    ep_sums16_t sums;
    uint32_t pairs;
    uint32_t is_short;
    uint32_t out_pixel, out_row; /* elements from a pixel to the next, and from a row to the next */
} ep_tiles16_t;

void ep_conv2d_int16_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out, const ep_tiles16_t *tiles,
                         void *scratch);

/*
 * The same, one pixel and six channels at a time, for layers of a pixel or two: sums inside int32, shifts in 16..32.
 *
 *   weights  words  [(out_c + 5) / 6][pairs][3]  as ep_rows16 reads them
 *   bias     int32  [6 * ((out_c + 5) / 6)]
 *   factor   int32  likewise
 *
 * Scratch: 4 * pairs bytes.
 */
typedef struct {
    const uint32_t *weights;
    const int32_t *bias;
    const int32_t *factor;
    uint32_t pairs;
    int16_t out_min, out_max;
} ep_vectors16_t;

void ep_conv2d_int16_vectors_dsp(const ep_conv2d_t *layer, const int16_t *in, int16_t *out,
                                 const ep_vectors16_t *vectors, void *scratch);

#endif
