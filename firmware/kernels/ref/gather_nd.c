#include "ep_gather_nd.h"

#include <string.h>

#include "ep_fixed_point.h"

static uint32_t offset_of(const ep_gather_nd_t *layer, const int32_t *index)
{
    uint32_t offset_bytes = 0;
    for (uint32_t axis = 0; axis < layer->depth; axis++) {
        const uint32_t inside = (uint32_t)ep_clamp(index[axis], 0, (int32_t)layer->sizes[axis] - 1);
        offset_bytes += inside * layer->steps_bytes[axis];
    }
    return offset_bytes;
}

void ep_gather_nd_ref(const ep_gather_nd_t *layer, const void *in, const int32_t *indices, void *out)
{
    uint8_t *to = out;
    for (uint32_t k = 0; k < layer->count; k++, indices += layer->depth, to += layer->slice_bytes) {
        (void)memcpy(to, (const uint8_t *)in + offset_of(layer, indices), layer->slice_bytes);
    }
}

/* SUM is the type the sum is taken in: it wraps around there. */
#define EP_SCATTER_ND(NAME, TYPE, SUM)                                                            \
    void NAME(const ep_gather_nd_t *layer, const int32_t *indices, const void *in, void *out)     \
    {                                                                                             \
        const uint32_t count = layer->slice_bytes / (uint32_t)sizeof(TYPE);                       \
        const TYPE *from = in;                                                                    \
        (void)memset(out, 0, layer->out_bytes);                                                   \
        for (uint32_t k = 0; k < layer->count; k++, indices += layer->depth, from += count) {     \
            TYPE *to = (TYPE *)out + offset_of(layer, indices) / (uint32_t)sizeof(TYPE);          \
            for (uint32_t i = 0; i < count; i++) {                                                \
                to[i] = (TYPE)((SUM)to[i] + (SUM)from[i]);                                        \
            }                                                                                     \
        }                                                                                         \
    }

EP_SCATTER_ND(ep_scatter_nd_ref, uint8_t, uint32_t)
EP_SCATTER_ND(ep_scatter_nd_int32_ref, uint32_t, uint32_t)
EP_SCATTER_ND(ep_scatter_nd_int64_ref, uint64_t, uint64_t)
EP_SCATTER_ND(ep_scatter_nd_float_ref, float, float)
