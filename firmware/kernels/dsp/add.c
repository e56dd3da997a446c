#include "dsp/add.h"

#include "dsp/arith.h"

#define SUM(i, bits) (int8_t)EP_SATURATE8_SHIFTED(in1[i] * factor1 + (in2[i] * factor2 + offset), bits)

/* One loop for each shift: the saturating instruction shifts by a constant for nothing. */
#define ADD(name, bits)                                                                                  \
    static void name(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)       \
    {                                                                                                    \
        const int32_t factor1 = layer->factor1;                                                          \
        const int32_t factor2 = layer->factor2;                                                          \
        const int32_t offset = layer->offset;                                                            \
        for (uint32_t left = layer->count / 4U; left != 0U; left--, in1 += 4, in2 += 4, out += 4) {      \
            out[0] = SUM(0, bits);                                                                       \
            out[1] = SUM(1, bits);                                                                       \
            out[2] = SUM(2, bits);                                                                       \
            out[3] = SUM(3, bits);                                                                       \
        }                                                                                                \
        for (uint32_t left = layer->count % 4U; left != 0U; left--, in1++, in2++, out++) {               \
            out[0] = SUM(0, bits);                                                                       \
        }                                                                                                \
    }

ADD(add_22, 22)
ADD(add_20, 20)

void ep_add_dsp(const ep_add_dsp_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    if (layer->fraction_bits == 22U) {
        add_22(layer, in1, in2, out);
    } else {
        add_20(layer, in1, in2, out);
    }
}
