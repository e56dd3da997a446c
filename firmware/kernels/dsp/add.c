#include "dsp/add.h"

#include "dsp/arith.h"

#define FRACTION_BITS 20

void ep_add_dsp(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const int32_t factor1 = layer->factor1;
    const int32_t factor2 = layer->factor2;
    const int32_t offset = layer->offset;
#define SUM(i) (int8_t)ep_saturate8((in1[i] * factor1 + (in2[i] * factor2 + offset)) >> FRACTION_BITS)
    const int8_t *const end = in1 + layer->count;
    const int8_t *const whole = in1 + layer->count / 4U * 4U;
    for (; in1 != whole; in1 += 4, in2 += 4, out += 4) {
        out[0] = SUM(0);
        out[1] = SUM(1);
        out[2] = SUM(2);
        out[3] = SUM(3);
    }
    for (; in1 != end; in1++, in2++, out++) {
        out[0] = SUM(0);
    }
#undef SUM
}
