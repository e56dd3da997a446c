#include "ep_top_k.h"

void ep_top_k_ref(const ep_top_k_t *layer, const int8_t *in, int8_t *out, int32_t *indices)
{
    for (uint32_t n = 0; n < layer->rows; n++, in += layer->len) {
        int32_t bound = INT8_MAX + 1; /* the value taken last, and its place: what comes next lies behind it */
        uint32_t place = 0;
        for (uint32_t k = 0; k < layer->k; k++) {
            int32_t best = INT8_MIN - 1;
            uint32_t best_place = 0;
            for (uint32_t i = 0; i < layer->len; i++) {
                if (in[i] > best && (in[i] < bound || (in[i] == bound && i > place))) {
                    best = in[i];
                    best_place = i;
                }
            }
            *out++ = (int8_t)best;
            *indices++ = (int32_t)best_place;
            bound = best;
            place = best_place;
        }
    }
}
