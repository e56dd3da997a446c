/*
 * Sum, mean, product, maximum and minimum over some axes, of float and int32, as they are; running sums along an axis.
 *
 *   sum:   out = ((in[0] + in[1]) + in[2]) + ...      mean:  the sum / count      product, maximum, minimum likewise
 *   int32 wraps around
 *
 *   in    float or int32  outputs are visited along `kept` (a: offset into in), the values of each along `reduced`
 *         (a likewise; reduced_rank >= 1)
 *   out   as in           [count], contiguous; count = product of the counts of `kept`
 *
 *   cumsum:  out[o][k][i] = in[o][0][i] + ... + in[o][k][i]; exclusive: without the last; reverse: from the end
 *   in, out  float or int32  [outer][len][inner]
 *
 * Scratch: 0 bytes. Align: 4 bytes. Order: any; apart.
 * Proof:   tests/firmware/numbers/test_numbers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_REDUCE_NUMBERS_H
#define EP_REDUCE_NUMBERS_H

#include "ep_axes.h"

typedef struct {
    const ep_axis_t *kept;
    const ep_axis_t *reduced;
    uint32_t kept_rank, reduced_rank;
    float count;
} ep_reduce_numbers_t;

void ep_sum_float_ref(const ep_reduce_numbers_t *layer, const float *in, float *out);
void ep_mean_float_ref(const ep_reduce_numbers_t *layer, const float *in, float *out);
void ep_reduce_prod_float_ref(const ep_reduce_numbers_t *layer, const float *in, float *out);
void ep_reduce_max_float_ref(const ep_reduce_numbers_t *layer, const float *in, float *out);
void ep_reduce_min_float_ref(const ep_reduce_numbers_t *layer, const float *in, float *out);

void ep_sum_int32_ref(const ep_reduce_numbers_t *layer, const int32_t *in, int32_t *out);
void ep_reduce_prod_int32_ref(const ep_reduce_numbers_t *layer, const int32_t *in, int32_t *out);
void ep_reduce_max_int32_ref(const ep_reduce_numbers_t *layer, const int32_t *in, int32_t *out);
void ep_reduce_min_int32_ref(const ep_reduce_numbers_t *layer, const int32_t *in, int32_t *out);

typedef struct {
    uint32_t outer, len, inner;
    uint32_t exclusive, reverse; /* 0 or 1 */
} ep_cumsum_t;

void ep_cumsum_float_ref(const ep_cumsum_t *layer, const float *in, float *out);
void ep_cumsum_int32_ref(const ep_cumsum_t *layer, const int32_t *in, int32_t *out);

#endif
