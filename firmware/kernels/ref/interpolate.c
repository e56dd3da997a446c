#include "ep_interpolate.h"

void ep_interpolate_int16_ref(const int16_t *table, const int16_t *in, int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ep_interpolate(table, in[i]);
    }
}
