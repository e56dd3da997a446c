/*
 * One channel of an image to a row of int16, or two neighbouring channels to two rows (dsp/depthwise3x3.h, dsp/planes.h).
 *
 *   in    int8, `count` pixels `step` bytes apart
 *   row   int16 [count], 4-byte aligned where there are two channels
 *   second   bytes from the first channel's row to the second one's
 */
#ifndef EP_DSP_WIDEN_H
#define EP_DSP_WIDEN_H

#include <stdint.h>

/* Copies `count` pixels' int8 elements, `step` bytes apart, into an int16 row. */
static inline void ep_widen_one(const int8_t *in, uint32_t step, uint32_t count, int16_t *row)
{
    for (; count != 0U; count--) {
        *row++ = *in;
        in += step;
    }
}

/* The same for two neighbouring channels at once, the second one's row `second` bytes behind the first one's. */
static inline void ep_widen_two(const int8_t *in, uint32_t step, uint32_t count, int16_t *row, uint32_t second)
{
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
    const uint32_t three_steps = 3U * step;
    for (; count >= 4U; count -= 4U) {
        __asm__ volatile(
            "ldrsh r2, [%[in]]\n"
            "ldrsh r3, [%[in], %[step]]\n"
            "ldrsh r4, [%[in], %[step], lsl #1]\n"
            "ldrsh r5, [%[in], %[three]]\n"
            "add %[in], %[in], %[step], lsl #2\n"
            "pkhbt r2, r2, r3, lsl #16\n"
            "pkhbt r4, r4, r5, lsl #16\n"
            "sxtb16 r3, r2, ror #8\n"
            "sxtb16 r2, r2\n"
            "str r3, [%[row], %[second]]\n"
            "str r2, [%[row]], #4\n"
            "sxtb16 r3, r4, ror #8\n"
            "sxtb16 r2, r4\n"
            "str r3, [%[row], %[second]]\n"
            "str r2, [%[row]], #4\n"
            : [in] "+r"(in), [row] "+r"(row)
            : [step] "r"(step), [three] "r"(three_steps), [second] "r"(second)
            : "r2", "r3", "r4", "r5", "memory");
    }
    if (count >= 2U) {
        __asm__ volatile(
            "ldrsh r2, [%[in]]\n"
            "ldrsh r3, [%[in], %[step]]\n"
            "add %[in], %[in], %[step], lsl #1\n"
            "pkhbt r2, r2, r3, lsl #16\n"
            "sxtb16 r3, r2, ror #8\n"
            "sxtb16 r2, r2\n"
            "str r3, [%[row], %[second]]\n"
            "str r2, [%[row]], #4\n"
            : [in] "+r"(in), [row] "+r"(row)
            : [step] "r"(step), [second] "r"(second)
            : "r2", "r3", "memory");
        count -= 2U;
    }
#endif
    for (; count != 0U; count--) {
        row[second / 2U] = in[1];
        *row++ = in[0];
        in += step;
    }
}

#endif
