/*
 * The stored number as another type; narrower integers keep the low bits, as LiteRT's do.
 *
 *   out[i] = (type)in[i]     EP_CAST
 *   out[i] = in[i] != 0      EP_CAST_BOOL
 *   out[i] = (type)in[i]     EP_CAST_FLOAT: towards 0; what lies outside low..high is the nearest of them, NaN is 0
 *
 *   in   integers  [count]
 *   out  type      [count]
 *
 * Scratch: 0 bytes. Align: of the types. Order: ascending; apart.
 * Proof:   tests/firmware/operators/test_cast.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_CAST_H
#define EP_CAST_H

#include <stdint.h>

#define EP_CAST(type, in, out, count)              \
    do {                                           \
        for (uint32_t i = 0; i < (count); i++) {   \
            (out)[i] = (type)(in)[i];              \
        }                                          \
    } while (0)

#define EP_CAST_BOOL(type, in, out, count)         \
    do {                                           \
        for (uint32_t i = 0; i < (count); i++) {   \
            (out)[i] = (type)((in)[i] != 0);       \
        }                                          \
    } while (0)

#define EP_CAST_FLOAT(type, in, out, count, low, high)                                             \
    do {                                                                                           \
        for (uint32_t i = 0; i < (count); i++) {                                                   \
            const float x = (in)[i];                                                               \
            (out)[i] = x != x ? (type)0 : x <= (float)(low) ? (low) : x >= (float)(high) ? (high) : (type)x; \
        }                                                                                          \
    } while (0)

#endif
