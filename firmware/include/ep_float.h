/*
 * Float operators: what is left in float between int8 layers, or at a model's ends.
 *
 *   pairs:    out = clamp(in1 op in2, low, high)          with broadcasting
 *   softmax:  out[n][i] = exp((in[n][i] - max_j in[n][j]) * beta) / sum_j ...
 *
 *   in1, in2  float  read at the steps of `axes` (a for in1, b for in2)
 *   out       float  [count], contiguous in the order of the walk, rank >= 1
 *   unary:    out[i] = f(in[i]);  clamp to low..high;  leaky relu: in[i] > 0 ? in[i] : in[i] * alpha
 *   l2:       out[n][i] = in[n][i] / max(sqrt(sum_j in[n][j]^2), 1e-6)
 *   softmax's and l2's in and out   float  [rows][len];  of the unary ones  float [count]
 *
 * The same bits on every core, with a floating-point unit or without: sums in ascending order, nothing fused (build with
 * -ffp-contract=off), and the exponential as the C library of a computer has it: 2^(i/32) from a table times a cubic, in
 * double (https://github.com/ARM-software/optimized-routines).
 *
 * Scratch: 0 bytes. Align: 4 bytes. Order: ascending; in place over an input that is not broadcast.
 * Proof:   tests/firmware/test_islands.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FLOAT_H
#define EP_FLOAT_H

#include "ep_axes.h"

#define EP_INFINITY __builtin_inff() /* a board may have no C library that names it */

typedef struct {
    const ep_axis_t *axes;
    uint32_t rank;
    float low, high;
} ep_float_pair_t;

void ep_add_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_sub_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_mul_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_div_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_maximum_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_minimum_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);
void ep_squared_difference_float_ref(const ep_float_pair_t *layer, const float *in1, const float *in2, float *out);

void ep_softmax_float_ref(const float *in, float *out, uint32_t rows, uint32_t len, float beta);

void ep_l2_normalization_float_ref(const float *in, float *out, uint32_t rows, uint32_t len);

void ep_abs_float_ref(const float *in, float *out, uint32_t count);
void ep_neg_float_ref(const float *in, float *out, uint32_t count);
void ep_sign_float_ref(const float *in, float *out, uint32_t count);
void ep_floor_float_ref(const float *in, float *out, uint32_t count);
void ep_ceil_float_ref(const float *in, float *out, uint32_t count);
void ep_round_float_ref(const float *in, float *out, uint32_t count);
void ep_sqrt_float_ref(const float *in, float *out, uint32_t count);
void ep_rsqrt_float_ref(const float *in, float *out, uint32_t count);
void ep_exp_float_ref(const float *in, float *out, uint32_t count);
void ep_logistic_float_ref(const float *in, float *out, uint32_t count);
void ep_hard_swish_float_ref(const float *in, float *out, uint32_t count);
void ep_leaky_relu_float_ref(const float *in, float *out, uint32_t count, float alpha);
void ep_clamp_float_ref(const float *in, float *out, uint32_t count, float low, float high);

float ep_exp_float(float x);
float ep_sqrt_float(float x);
double ep_exp_double(double x); /* to the last bit or one beside it, |x| <= 700 */

#endif
