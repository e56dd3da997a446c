/*
 * Two rows of outputs of a depthwise 3x3 convolution with stride 1, channel after channel (mve/depthwise3x3.h), where
 * int8's own limits are the activation's.
 *
 *   words    words    [columns][16 channels], four image rows interleaved
 *   record   words    per channel: three columns of weights, bias, multiplier, shift
 *   out      int8     two rows of at least two outputs; `places`: where the four of a 2x2 go, `active`: which are stored
 */
#ifndef EP_MVE_DEPTHWISE_ROWS_H
#define EP_MVE_DEPTHWISE_ROWS_H

#include <stdint.h>

typedef struct {
    const int32_t *words;
    const int32_t *record;
    int8_t *out;          /* counted up */
    uint32_t channels;    /* counted down */
    uint32_t pairs;       /* out_w / 2 */
    uint32_t odd;         /* out_w % 2: the last pair steps back */
    uint32_t step;        /* bytes from a pair to the next */
    int32_t out_zero;
    uint32_t active;      /* predicate of four lanes */
    uint32_t columns[4];  /* byte offsets of four columns, from the pair before */
    uint32_t places[4];   /* bytes from `out` */
} ep_mve_depthwise_rows_t;

void ep_mve_depthwise_rows(ep_mve_depthwise_rows_t *rows);

#endif
