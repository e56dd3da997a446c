#include "ep_gather.h"

#include <string.h>

#include "ep_fixed_point.h"

void ep_gather_ref(const ep_gather_t *layer, const void *in, const int32_t *indices, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    for (uint32_t b = 0; b < layer->batches; b++, indices += layer->count) {
        for (uint32_t o = 0; o < layer->outer; o++, from += layer->axis_len * layer->slice_bytes) {
            for (uint32_t k = 0; k < layer->count; k++, to += layer->slice_bytes) {
                const uint32_t index = (uint32_t)ep_clamp(indices[k], 0, (int32_t)layer->axis_len - 1);
                (void)memcpy(to, from + index * layer->slice_bytes, layer->slice_bytes);
            }
        }
    }
}
