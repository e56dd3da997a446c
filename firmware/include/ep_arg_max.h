/*
 * Index of the greatest or the least value along an axis, the first of equals.
 *
 *   out[o][i] = argmax_k in[o][k][i]   or   argmin_k
 *
 *   in   int8   [outer][count][inner]
 *   out  int32  [outer][inner]
 *
 * Scratch: 0 bytes. Align: 4 bytes for out.
 * Proof:   tests/firmware/operators/test_arg_max.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_ARG_MAX_H
#define EP_ARG_MAX_H

#include <stdint.h>

void ep_arg_max_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);
void ep_arg_min_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner);

#endif
