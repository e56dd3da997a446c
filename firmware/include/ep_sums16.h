/*
 * What a sum of int16 activations times int8 weights becomes: the arithmetic of 16x8 layers with weights.
 *
 *   wide (bias int64, or none):  out = clamp((sum * multiplier + 2^(shift - 1)) >> shift), multiplier of 15 bits
 *   narrow (bias int32):         out = clamp(requant(sum modulo 2^32)), rounded twice (ep_fixed_point.h)
 *
 *   bias        int64  [channels] or NULL              scale in_scale * weight_scale[channel]
 *   multiplier  int32  [channels], or [1] with scale_step 0    in_scale * weight_scale[channel] / out_scale
 *   shift       int8   like multiplier; in [1, 46] where wide
 *   out         int16  real = q * out_scale; inputs and outputs are symmetric, their zero points are 0
 *
 * Range:   any; sums wrap around in 64 bits.
 * Proof:   tests/firmware/operators16/test_layers16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SUMS16_H
#define EP_SUMS16_H

#include <stddef.h>
#include <stdint.h>

#include "ep_fixed_point.h"
#include "ep_weight.h"

typedef struct {
    const int64_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint8_t scale_step; /* 1: a multiplier per output channel; 0: one for all */
    uint8_t is_wide;
    int16_t out_min, out_max;
} ep_sums16_t;

/* sum * multiplier / 2^shift, rounded once, halves upwards; wraps to int32. */
EP_INLINE int32_t ep_requant_wide(uint64_t sum, int32_t multiplier, int32_t shift)
{
    const uint64_t product = sum * (uint64_t)(int64_t)multiplier + (1ULL << (uint32_t)(shift - 1));
    return (int32_t)((int64_t)product >> shift);
}

EP_INLINE int16_t ep_sum_out(const ep_sums16_t *layer, int32_t channel, uint64_t sum)
{
    const uint64_t all = sum + (layer->bias != NULL ? (uint64_t)layer->bias[channel] : 0U);
    const int32_t scale = channel * layer->scale_step;
    const int32_t real = layer->is_wide != 0
                             ? ep_requant_wide(all, layer->multiplier[scale], layer->shift[scale])
                             : ep_requant((int32_t)(uint32_t)all, layer->multiplier[scale], layer->shift[scale]);
    return (int16_t)ep_clamp(real, layer->out_min, layer->out_max);
}

#endif
