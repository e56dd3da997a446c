/*
 * Dense layer (FULLY_CONNECTED), int8 in, int8 out: eight channels at a time, or one.
 *
 *   acc[n][o] = bias[o] + sum_i (in[n][i] - in_zero) * weight[o][i]
 *   out[n][o] = clamp(requant(acc[n][o]) + out_zero, out_min, out_max), rounded once
 *
 *   in       int8    [rows][in_len]
 *   out      int8    [rows][out_len]
 *   order    uint16  [out_len]         channels in the order of groups and singles; NULL where they are as they come
 *   groups   words   of eight channels a0 b0 .. a3 b3: start [4][2], [runs * run][4] weights 2^16 * b + a,
 *                    multiplier, offset, exponent [8][3] (scalar/arith.h)
 *   singles  words   of one channel: bias, [ceil(in_len / 4)] four bytes weight + 128, multiplier, offset, exponent
 *
 * In groups one multiplication gives two products. Their sums S of `run` inputs from 2^15 on are separated before
 * either leaves 16 bits: total += S, high += S >> 16; at last acc[b] = high, acc[a] = total - 2^16 * high. `start` holds
 * total and high with the biases, less what the runs start from. Channels too heavy for that are single ones.
 *
 * Range:   |sum of `run` products| < 2^15 in groups, |acc| < 2^29; proved in edgeprune/engine/kernels/scalar/dense.py.
 * Scratch: max(runs * run, 4 * ceil(in_len / 4)) bytes. Align: 4 bytes for groups and singles, 1 for in and out.
 * Order:   a row of `in` is copied before its outputs are written: in place where no row overtakes the next one.
 * Proof:   tests/firmware/operators/test_scalar_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_SCALAR_DENSE_H
#define EP_SCALAR_DENSE_H

#include <stdint.h>

typedef struct {
    const uint32_t *groups;
    const uint32_t *singles;
    const uint16_t *order;
    uint16_t rows, in_len, out_len;
    uint16_t group_count;
    uint16_t run, runs; /* run is a multiple of 4 */
    int16_t out_min, out_max;
} ep_dense_scalar_t;

void ep_dense_scalar(const ep_dense_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch);

#endif
