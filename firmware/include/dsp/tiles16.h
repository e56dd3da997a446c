/*
 * Sums of int16 activations times int8 weights on a core with the DSP extension.
 *
 *   ep_tile16   three pixels times two channels:  acc[3 * o + p] += sum_k column[p][k] * weight[o][k]
 *   ep_rows16   one vector times six rows:        acc[o] += sum_k x[k] * weight[o][k]            k = 0 .. 2 * pairs - 1
 *   ep_short16  ep_tile16 for some pairs of channels, to the end:
 *                 out[p][o] = saturate16(round((bias[o] + sum) * factor[o] / 2^32)), halves upwards;
 *                 ep_short16_relu saturates to 0..32767
 *
 *   columns  words  [pairs][3]  inputs 2k and 2k + 1 of pixel 0, 1, 2 as lanes
 *   x        int16  [2 * pairs]
 *   weights  words  ep_tile16 [pairs]: bytes a[2k], b[2k], a[2k + 1], b[2k + 1] of channels a and b;
 *                   ep_rows16 [pairs][3]: the same of rows 0 and 1, 2 and 3, 4 and 5
 *
 *   stream   words  for each pair of channels: bias[a], bias[b], [pairs] weights as in ep_tile16, factor[a], factor[b]
 *
 * An unpacking and two SMLADs take two inputs of a channel; weights are unpacked once for three pixels.
 *
 * Range:   sums inside int32. 504 inputs reach 504 * 128 * 2^15 at most: EP_SEGMENT_PAIRS need no other proof.
 * Align:   4 bytes for columns and weights, 2 for x.
 * Proof:   tests/firmware/operators16/test_dsp16.py, LiteRT's bytes from an emulated M4 and from the plain C on the host.
 */
#ifndef EP_DSP_TILES16_H
#define EP_DSP_TILES16_H

#include <stdint.h>

#define EP_SEGMENT_PAIRS 252U

typedef struct {
    uint32_t pairs;
    int16_t *out;         /* of pixel 0; moves on by two channels at a time */
    uint32_t pixel_bytes; /* from one pixel to the next */
    uint32_t channel_pairs; /* left to do, at least 1 */
} ep_short16_t;

void ep_short16(const uint32_t *columns, const uint32_t *stream, ep_short16_t *job);
void ep_short16_relu(const uint32_t *columns, const uint32_t *stream, ep_short16_t *job);

void ep_tile16(const uint32_t *columns, const uint32_t *weights, uint32_t pairs, int32_t *acc);
void ep_rows16(const int16_t *x, const uint32_t *weights, uint32_t pairs, int32_t *acc);

#endif
