/*
 * The core of convolutions and dense layers on a core with the M-profile vector extension (Helium): two pixels times
 * all groups of four output channels, 16 products an instruction (VMLADAVA).
 *
 *   acc[p][o] = bias[o] + sum_k column[p][k] * weight[o][k]                p = a, b; k = 0..16 * steps + tail - 1
 *   out[p][o] = clamp(requant(acc[p][o]) + out_zero, out_min, out_max)
 *
 *   column  int8  [k rounded up to 16], what stands behind k is read and counts nothing. The input's zero point is not
 *                 subtracted: it is in the bias.
 *   stream        for each group of four channels: bias int32 [4]; weights int8 [steps][4][16], then [4][tail];
 *                 multiplier int32 [4]; shift int32 [4]
 *                 Align: 4 bytes.
 *   out     int8  [4 * groups]
 *
 *   ep_mve_tile_positive  rounded twice; out_zero = out_min = -128, out_max = 127, so sums below zero all give -128
 *   ep_mve_tile_signed    rounded twice
 *   ep_mve_tile_once      rounded once, as FULLY_CONNECTED is
 *
 * Each returns the stream behind the last group. Both pixels may be the same one, written twice.
 *
 * VQRDMULH is LiteRT's first rounding. VRSHL rounds halves upwards, LiteRT's second rounding away from zero: one less
 * where the value is negative makes the first of the second. Rounded once: floor(acc * multiplier / 2^31), VQDMULH,
 * loses nothing that the shift would have rounded.
 *
 * Range:   |acc| < 2^30, shift in -30..-1, groups >= 1, steps + tail >= 1; proved in
 *          edgeprune/engine/kernels/mve/stream.py.
 * Scratch: 0 bytes beyond the columns.
 * Proof:   tests/firmware/operators/test_mve_layers.py, LiteRT's bytes from an emulated M55.
 */
#ifndef EP_MVE_TILE_H
#define EP_MVE_TILE_H

#include <stdint.h>

typedef struct {
    const int8_t *column_a;
    const int8_t *column_b;
    int8_t *out_a; /* end behind their last group */
    int8_t *out_b;
    uint32_t steps;
    uint32_t tail;
    uint32_t groups; /* ends as 0 */
    int32_t out_zero;
    int32_t out_min;
    int32_t out_max;
} ep_mve_tile_job_t;

typedef const int32_t *(*ep_mve_tile_t)(ep_mve_tile_job_t *job, const int32_t *stream);

const int32_t *ep_mve_tile_positive(ep_mve_tile_job_t *job, const int32_t *stream);
const int32_t *ep_mve_tile_signed(ep_mve_tile_job_t *job, const int32_t *stream);
const int32_t *ep_mve_tile_once(ep_mve_tile_job_t *job, const int32_t *stream);

#endif
