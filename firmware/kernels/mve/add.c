#include "mve/add.h"

#include <arm_mve.h>

void ep_add_mve(const ep_add_mve_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    const int32_t down = -(int32_t)layer->fraction_bits;
    const int32x4_t offset = vdupq_n_s32(layer->offset);
    __asm__ volatile(
        "wlstp.32 lr, %[count], 1f\n"
        "2:\n"
        "vldrb.s32 q0, [%[in1]], #4\n"
        "vldrb.s32 q1, [%[in2]], #4\n"
        "vmov q2, %q[offset]\n"
        "vmla.s32 q2, q0, %[factor1]\n"
        "vmla.s32 q2, q1, %[factor2]\n"
        "vshl.s32 q2, %[down]\n"
        "vqmovnb.s32 q2, q2\n"
        "vqmovnb.s16 q2, q2\n"
        "vstrb.32 q2, [%[out]], #4\n"
        "letp lr, 2b\n"
        "1:\n"
        : [in1] "+l"(in1), [in2] "+l"(in2), [out] "+l"(out)
        : [count] "r"(layer->count), [factor1] "r"(layer->factor1), [factor2] "r"(layer->factor2),
          [offset] "w"(offset), [down] "r"(down)
        : "lr", "q0", "q1", "q2", "memory");
}
