#include "ep_one_hot.h"

#include <string.h>

void ep_one_hot_ref(const ep_one_hot_t *layer, const int32_t *indices, const void *on, const void *off, void *out)
{
    uint8_t *to = out;
    for (uint32_t o = 0; o < layer->outer; o++, indices += layer->inner) {
        for (uint32_t k = 0; k < layer->depth; k++) {
            for (uint32_t i = 0; i < layer->inner; i++, to += layer->element_bytes) {
                (void)memcpy(to, indices[i] == (int32_t)k ? on : off, layer->element_bytes);
            }
        }
    }
}
