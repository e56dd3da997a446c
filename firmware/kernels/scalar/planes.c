#include "scalar/planes.h"

static void copy_one(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row)
{
    for (const int16_t *const end = row + count; row != end; row++, in += step) {
        *row = (int16_t)(*in + raise);
    }
}

void ep_plane_copy_scalar(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row, uint32_t second)
{
    copy_one(in, step, count, raise, row);
    if (second != 0U) {
        copy_one(in + 1, step, count, raise, row + second);
    }
}
