/*
 * Logistic and hyperbolic tangent, int16 in, int16 out of scale 1/32768, between 256 points of the logistic function.
 *
 *   x         = (in * multiplier + round) >> shift: in 1/12288 units of the real value
 *   logistic  steps of 512 units from one point to the next, tanh(x) = 2 * logistic(2x) - 1 of 256
 *
 *   in     int16   [count]   zero point 0
 *   table  uint16  [256]     logistic(k / 24) in 1/65536
 *   out    int16   [count]
 *
 * Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SIGMOID16_H
#define EP_SIGMOID16_H

#include <stdint.h>

typedef struct {
    const uint16_t *table;
    int32_t multiplier; /* below 2^15 */
    int32_t shift;      /* 0 to 30 */
} ep_sigmoid16_t;

void ep_logistic_int16_ref(const ep_sigmoid16_t *layer, const int16_t *in, int16_t *out, uint32_t count);
void ep_tanh_int16_ref(const ep_sigmoid16_t *layer, const int16_t *in, int16_t *out, uint32_t count);

#endif
