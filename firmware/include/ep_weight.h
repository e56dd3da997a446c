/*
 * One weight out of flash, from int8 or from packed int4.
 *
 *   int8:  weights[index]
 *   int4:  two a byte, the even index in the low half
 *
 * Kernels take one of these functions as an argument and are inlined with it: one loop, two storages.
 */
#ifndef EP_WEIGHT_H
#define EP_WEIGHT_H

#include <stdint.h>

#define EP_INLINE static inline __attribute__((always_inline))

typedef int32_t (*ep_weight_t)(const int8_t *weights, int32_t index);

EP_INLINE int32_t ep_weight_int8(const int8_t *weights, int32_t index)
{
    return weights[index];
}

EP_INLINE int32_t ep_weight_int4(const int8_t *weights, int32_t index)
{
    const int32_t pair = weights[index >> 1];
    return (index & 1) != 0 ? pair >> 4 : (int8_t)(uint8_t)((uint32_t)pair << 4) >> 4;
}

#endif
