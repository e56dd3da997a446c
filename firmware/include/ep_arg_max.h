/*
 * Index of the greatest or the least value along an axis, the first of equals.
 *
 *   out[o][i] = argmax_k in[o][k][i]   or   argmin_k
 *
 *   in   int8, int32 or float        [outer][count][inner]
 *   out  int32, of `wide` ones int64  [outer][inner]
 *
 * Scratch: 0 bytes. Align: of the types.
 * Proof:   tests/firmware/operators/test_arg_max.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ARG_MAX_H
#define EP_ARG_MAX_H

#include <stdint.h>

void ep_arg_max_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_max_int32_ref(const int32_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_int32_ref(const int32_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_max_float_ref(const float *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_float_ref(const float *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);

void ep_arg_max_wide_ref(const int8_t *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_wide_ref(const int8_t *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_max_int32_wide_ref(const int32_t *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_int32_wide_ref(const int32_t *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_max_float_wide_ref(const float *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_float_wide_ref(const float *in, int64_t *out, uint32_t outer, uint32_t count, uint32_t inner);

#endif
