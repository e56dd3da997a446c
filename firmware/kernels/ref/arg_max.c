#include "ep_arg_max.h"

void ep_arg_max_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner)
{
    for (uint32_t o = 0; o < outer; o++, in += count * inner) {
        for (uint32_t i = 0; i < inner; i++) {
            uint32_t best = 0;
            for (uint32_t k = 1; k < count; k++) {
                if (in[k * inner + i] > in[best * inner + i]) {
                    best = k;
                }
            }
            *out++ = (int32_t)best;
        }
    }
}

void ep_arg_min_ref(const int8_t *in, int32_t *out, uint32_t outer, uint32_t count, uint32_t inner)
{
    for (uint32_t o = 0; o < outer; o++, in += count * inner) {
        for (uint32_t i = 0; i < inner; i++) {
            uint32_t best = 0;
            for (uint32_t k = 1; k < count; k++) {
                if (in[k * inner + i] < in[best * inner + i]) {
                    best = k;
                }
            }
            *out++ = (int32_t)best;
        }
    }
}
