/*
 * Functions of one value that are a line above zero and a line below it, where an end is int16: RELU and its kin,
 * LEAKY_RELU, ABS, and QUANTIZE from one scale or type to another.
 *
 *   x   = in - in_zero
 *   out = clamp(requant(x) + out_zero, out_min, out_max), by one factor for x >= 0, another below; rounded twice
 *
 *   in   int16, int8 or uint8  [count]
 *   out  int16 or int8         [count]
 *
 * Factors may be negative. int16's zero points are 0.
 *
 * Scratch: 0 bytes. Align: 2 bytes where int16. Order: ascending; in place where `out` is no wider than `in`.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SLOPES_H
#define EP_SLOPES_H

#include <stdint.h>

typedef struct {
    int32_t above_multiplier, below_multiplier;
    int8_t above_shift, below_shift;
    int16_t in_zero, out_zero, out_min, out_max;
} ep_slopes_t;

void ep_slopes_int16_ref(const ep_slopes_t *layer, const int16_t *in, int16_t *out, uint32_t count);
void ep_slopes_int16_int8_ref(const ep_slopes_t *layer, const int16_t *in, int8_t *out, uint32_t count);
void ep_slopes_int8_int16_ref(const ep_slopes_t *layer, const int8_t *in, int16_t *out, uint32_t count);
void ep_slopes_uint8_int16_ref(const ep_slopes_t *layer, const uint8_t *in, int16_t *out, uint32_t count);

#endif
