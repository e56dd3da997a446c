/*
 * Accumulators of one output channel to int8, rounded twice (ep_scale_twice of scalar/arith.h).
 *
 *   out[i * step] = clamp(ep_scale_twice(acc[i], scale), low, high)      i = 0 .. count - 1, count >= 1
 *
 *   scale  multiplier, offset, exponent
 */
#ifndef EP_SCALAR_FINISH_H
#define EP_SCALAR_FINISH_H

#include <stdint.h>

typedef struct {
    int16_t low, high;
    uint32_t step;
} ep_finish_t;

void ep_finish(const ep_finish_t *finish, const int32_t *scale, const int32_t *acc, uint32_t count, int8_t *out);

#endif
