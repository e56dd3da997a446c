/*
 * Four pixels times all output channels: the core of scalar/conv2d.h.
 *
 *   acc[p][o] = bias[o] + sum_k column[p][k] * (weight[o][k] - 128)      k = 0 .. 4 * steps - 1
 *   out[p * step + o] = saturate8(ep_scale_twice(acc[p][o], scale[o]))   (scalar/arith.h)
 *
 *   columns  as scalar/columns.h fills them, and `sums` the sums of the four columns
 *   stream   per channel: bias, weights, four bytes a word, then multiplier, offset, exponent
 *
 * Range:   |acc| < 2^22.
 */
#ifndef EP_SCALAR_TILE_H
#define EP_SCALAR_TILE_H

#include <stdint.h>

void ep_tile_scalar(const uint32_t *columns, const int32_t sums[4], const uint32_t *stream, uint32_t steps,
                    uint32_t channels, uint32_t step, int8_t *out);

#endif
