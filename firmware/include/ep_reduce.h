/*
 * Mean, sum, maximum and minimum over some axes, int8 in, int8 out.
 *
 *   mean:     out = clamp(requant(sum_k (in[k] - in_zero)) + out_zero, -128, 127), rounded twice
 *   sum:      the same with in and out as uint8, clamped to 0..255: LiteRT 2.3.0's reference interpreter reads int8
 *             sums so, and its bytes are what this engine promises (its optimized kernels take them as int8)
 *   maximum:  out = max_k in[k]          minimum:  out = min_k in[k]
 *
 *   in    int8  outputs are visited along `kept` (a: offset into in), the values of each along `reduced` (a likewise; reduced_rank >= 1)
 *   out   int8  [count], contiguous; count = product of the counts of `kept`
 *
 *   multiplier, shift   in_scale / out_scale, for the mean divided by the number of values as LiteRT divides it
 *
 * Range:   at most 2^23 values an output.
 * Scratch: 0 bytes. Align: 1 byte.
 * Proof:   tests/firmware/operators/test_reduce.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_REDUCE_H
#define EP_REDUCE_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *kept;
    const ep_axis_t *reduced;
    uint32_t kept_rank, reduced_rank;
    int32_t multiplier, shift;
    int16_t in_zero, out_zero;
} ep_reduce_t;

void ep_mean_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out);
void ep_sum_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out);
void ep_reduce_max_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out);
void ep_reduce_min_ref(const ep_reduce_t *layer, const int8_t *in, int8_t *out);

/* From int16 to int16, zero points 0; sums wrap around in int32, as LiteRT's do. */
void ep_mean_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out);
void ep_reduce_max_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out);
void ep_reduce_min_int16_ref(const ep_reduce_t *layer, const int16_t *in, int16_t *out);

#endif
