#include "dsp/add.h"

#include "dsp/arith.h"

/* One loop for each shift: the saturating instruction shifts by a constant for nothing. */
static inline __attribute__((always_inline)) void add(
    const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out, uint32_t fraction_bits)
{
    const int32_t factor1 = layer->factor1;
    const int32_t factor2 = layer->factor2;
    const int32_t offset = layer->offset;
#define SUM(i) (int8_t)ep_saturate8((in1[i] * factor1 + (in2[i] * factor2 + offset)) >> fraction_bits)
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

void ep_add_dsp(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    if (layer->fraction_bits == 22U) {
        add(layer, in1, in2, out, 22U);
    } else {
        add(layer, in1, in2, out, 20U);
    }
}
