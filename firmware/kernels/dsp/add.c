#include "dsp/add.h"

#include "dsp/arith.h"

#define FRACTION_BITS 20

void ep_add_dsp(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const int32_t factor1 = layer->factor1;
    const int32_t factor2 = layer->factor2;
    const int32_t offset = layer->offset;
    const int8_t *const end = in1 + layer->count;
#pragma GCC unroll 4
    while (in1 != end) {
        const int32_t sum = *in1++ * factor1 + (*in2++ * factor2 + offset);
        *out++ = (int8_t)ep_saturate8(sum >> FRACTION_BITS);
    }
}
