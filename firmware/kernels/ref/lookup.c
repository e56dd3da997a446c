#include "ep_lookup.h"

void ep_lookup_ref(const int8_t *table, const int8_t *in, int8_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = table[in[i] + 128];
    }
}
