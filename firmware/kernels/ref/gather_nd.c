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

void ep_scatter_nd_ref(const ep_gather_nd_t *layer, const int32_t *indices, const int8_t *in, int8_t *out)
{
    (void)memset(out, 0, layer->out_bytes);
    for (uint32_t k = 0; k < layer->count; k++, indices += layer->depth, in += layer->slice_bytes) {
        int8_t *to = out + offset_of(layer, indices);
        for (uint32_t i = 0; i < layer->slice_bytes; i++) {
            to[i] = (int8_t)(to[i] + in[i]);
        }
    }
}
