/*
 * Elements of activations, of int8, int16 or int32.
 *
 * Kernels of both take these functions as arguments and are inlined with them: one loop, two element types.
 *
 *   ep_load_t   element `index` of an array
 *   ep_store_t  writes element `index`; value inside the type's range
 */
#ifndef EP_ELEMENT_H
#define EP_ELEMENT_H

#include <stdint.h>

#include "ep_weight.h"

typedef int32_t (*ep_load_t)(const void *values, int32_t index);
typedef void (*ep_store_t)(void *values, int32_t index, int32_t value);

EP_INLINE int32_t ep_load_int8(const void *values, int32_t index)
{
    return ((const int8_t *)values)[index];
}

EP_INLINE int32_t ep_load_uint8(const void *values, int32_t index)
{
    return ((const uint8_t *)values)[index];
}

EP_INLINE int32_t ep_load_int16(const void *values, int32_t index)
{
    return ((const int16_t *)values)[index];
}

EP_INLINE int32_t ep_load_int32(const void *values, int32_t index)
{
    return ((const int32_t *)values)[index];
}

EP_INLINE void ep_store_int8(void *values, int32_t index, int32_t value)
{
    ((int8_t *)values)[index] = (int8_t)value;
}

EP_INLINE void ep_store_uint8(void *out, int32_t index, int32_t value)
{
    ((uint8_t *)out)[index] = (uint8_t)value;
}

EP_INLINE void ep_store_int16(void *values, int32_t index, int32_t value)
{
    ((int16_t *)values)[index] = (int16_t)value;
}

#endif
