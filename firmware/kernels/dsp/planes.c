#include "dsp/planes.h"

#include "dsp/widen.h"

void ep_plane_copy_dsp(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row, uint32_t second)
{
    (void)raise;
    if (second == 0U) {
        ep_widen_one(in, step, count, row);
    } else {
        ep_widen_two(in, step, count, row, 2U * second);
    }
}
