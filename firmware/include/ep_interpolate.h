/*
 * A function of one int16 value, between 513 points of it that are worked out when the code is generated.
 *
 *   out = table[k] + round((table[k + 1] - table[k]) * d / 128), halves upwards;   in = -32768 + 128 * k + d
 *
 *   in     int16  [count]
 *   table  int16  [513]
 *   out    int16  [count]
 *
 * Scratch: 0 bytes. Align: 2 bytes. Order: ascending; in place.
 * Proof:   tests/firmware/operators16/test_functions16.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_INTERPOLATE_H
#define EP_INTERPOLATE_H

#include <stdint.h>

static inline int16_t ep_interpolate(const int16_t *table, int32_t value)
{
    const int16_t *const point = table + 256 + (value >> 7);
    const int32_t slope = (int16_t)(uint16_t)((uint32_t)point[1] - (uint32_t)point[0]);
    return (int16_t)(uint16_t)((uint32_t)point[0] + (uint32_t)((slope * (value & 127) + 64) >> 7));
}

void ep_interpolate_int16_ref(const int16_t *table, const int16_t *in, int16_t *out, uint32_t count);

#endif
