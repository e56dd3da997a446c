/*
 * What both kernels of dsp/winograd.h do to a tile: inputs transformed (B), sums transformed back (A), requantized and
 * written.
 */
#ifndef EP_DSP_WINOGRAD_TILE_H
#define EP_DSP_WINOGRAD_TILE_H

#include <stdint.h>

#include "dsp/arith.h"
#include "dsp/winograd.h"

/* B: six transformed inputs, `step` words apart, from six inputs; two values in each word. */
#define EP_WINOGRAD_INPUTS(d0, d1, d2, d3, d4, d5, v, step)           \
    do {                                                              \
        const uint32_t even_ = (d4) - ((d2) << 2);                    \
        const uint32_t odd_ = (d3) - ((d1) << 2);                     \
        const uint32_t even_half_ = (d4) - (d2);                      \
        const uint32_t odd_half_ = (d3) - (d1);                       \
        (v)[0] = even_ + ((d0) << 2) - (d2);                          \
        (v)[(step)] = even_ + odd_;                                   \
        (v)[2U * (step)] = even_ - odd_;                              \
        (v)[3U * (step)] = even_half_ + (odd_half_ << 1);             \
        (v)[4U * (step)] = even_half_ - (odd_half_ << 1);             \
        (v)[5U * (step)] = (d5) - (d3) - (odd_half_ << 2);            \
    } while (0)

/*
 * Along the width: four channels of one tile's six pixels, `raise` added by place (0 and 4, 1 and 5, 2 and 3). Channels 0
 * and 2 share words, channels 1 and 3 those `half` words behind.
 */
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

#define EP_WINOGRAD_ACROSS_HALF(ROTATION, AT)    \
    "ldr r2, [%[pixel]]\n"                       \
    "ldr r3, [%[pixel], %[step]]\n"              \
    "ldr r4, [%[pixel], %[step], lsl #1]\n"      \
    "add r12, %[pixel], %[step], lsl #1\n"       \
    "add r12, r12, %[step]\n"                    \
    "ldr r5, [r12]\n"                            \
    "ldr r6, [r12, %[step]]\n"                   \
    "ldr r8, [r12, %[step], lsl #1]\n"           \
    "sxtab16 r2, %[raise0], r2" ROTATION "\n"    \
    "sxtab16 r3, %[raise1], r3" ROTATION "\n"    \
    "sxtab16 r4, %[raise2], r4" ROTATION "\n"    \
    "sxtab16 r5, %[raise2], r5" ROTATION "\n"    \
    "sxtab16 r6, %[raise0], r6" ROTATION "\n"    \
    "sxtab16 r8, %[raise1], r8" ROTATION "\n"    \
    "sub r12, r6, r4, lsl #2\n"                  \
    "add r2, r12, r2, lsl #2\n"                  \
    "sub r2, r2, r4\n"                           \
    "str r2, [%[inputs], " AT "]\n"              \
    "sub r4, r6, r4\n"                           \
    "sub r6, r5, r3, lsl #2\n"                   \
    "add r2, r12, r6\n"                          \
    "str r2, [%[inputs], 8 + " AT "]\n"          \
    "sub r12, r12, r6\n"                         \
    "str r12, [%[inputs], 16 + " AT "]\n"        \
    "sub r3, r5, r3\n"                           \
    "add r12, r4, r3, lsl #1\n"                  \
    "str r12, [%[inputs], 24 + " AT "]\n"        \
    "sub r4, r4, r3, lsl #1\n"                   \
    "str r4, [%[inputs], 32 + " AT "]\n"         \
    "sub r8, r8, r5\n"                           \
    "sub r8, r8, r3, lsl #2\n"                   \
    "str r8, [%[inputs], 40 + " AT "]\n"

#define EP_WINOGRAD_ACROSS(pixel_, channels_, inputs_, half_, raise0_, raise1_, raise2_)                  \
    __asm__ volatile(                                                                                     \
        EP_WINOGRAD_ACROSS_HALF("", "0")                                                                  \
        EP_WINOGRAD_ACROSS_HALF(", ror #8", "%c[half]")                                                   \
        :                                                                                                 \
        : [pixel] "r"(pixel_), [step] "r"(channels_), [inputs] "r"(inputs_), [half] "i"(4U * (half_)),    \
          [raise0] "r"(raise0_), [raise1] "r"(raise1_), [raise2] "r"(raise2_)                             \
        : "r2", "r3", "r4", "r5", "r6", "r8", "r12", "memory")

#else

#define EP_WINOGRAD_ACROSS(pixel_, channels_, inputs_, half_, raise0_, raise1_, raise2_)                  \
    do {                                                                                                  \
        uint32_t d_[2][6];                                                                                \
        for (uint32_t x_ = 0; x_ < 6U; x_++) {                                                            \
            const uint32_t word_ = ep_load_word((pixel_) + x_ * (channels_));                             \
            const uint32_t raise_ = x_ % 4U == 0U ? (raise0_) : (x_ % 4U == 1U ? (raise1_) : (raise2_));  \
            d_[0][x_] = ep_sxtab16(raise_, word_);                                                        \
            d_[1][x_] = ep_sxtab16_ror8(raise_, word_);                                                   \
        }                                                                                                 \
        for (uint32_t h_ = 0; h_ < 2U; h_++) {                                                            \
            uint32_t *const v_ = (inputs_) + h_ * (half_);                                                \
            EP_WINOGRAD_INPUTS(d_[h_][0], d_[h_][1], d_[h_][2], d_[h_][3], d_[h_][4], d_[h_][5], v_, 2U); \
        }                                                                                                 \
    } while (0)

#endif

/* A: four sums y[0], 2 * y[1], 4 * y[2], 4 * y[3] from six, `from` words apart; to words `to` apart. Wraps. */
#define EP_WINOGRAD_OUTPUTS(m, from, y, to)                           \
    do {                                                              \
        const uint32_t m1_ = (m)[(from)], m2_ = (m)[2U * (from)];     \
        const uint32_t m3_ = (m)[3U * (from)], m4_ = (m)[4U * (from)]; \
        const uint32_t even_ = m1_ + m2_;                             \
        const uint32_t odd_ = m1_ - m2_;                              \
        const uint32_t even_twice_ = m3_ + m4_;                       \
        const uint32_t odd_twice_ = m3_ - m4_;                        \
        (y)[0] = (m)[0] + (even_twice_ - (even_ << 2));               \
        (y)[(to)] = (odd_twice_ - (odd_ << 1)) << 1;                  \
        (y)[2U * (to)] = (even_twice_ - even_) << 2;                  \
        (y)[3U * (to)] = ((m)[5U * (from)] + (odd_twice_ << 1) - odd_) << 2; \
    } while (0)

typedef struct {
    int32_t factor, offset, below_zero;
} ep_winograd_scale_t;

#define EP_WINOGRAD_SUM_STEP 8U /* words from a point's sums to the next one's: four channels, two tiles */

/*
 * Four neighbouring pixels, `pixel` bytes apart, of one channel from the sums of six points. One asm from end to end, so
 * that all cores take the same instructions, however their compilers schedule.
 */
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

#define EP_WINOGRAD_REQUANT(Y)                   \
    "and %[t], %[below], " Y ", asr #31\n"       \
    "add %[t], %[t], %[offset]\n"                \
    "smmla " Y ", " Y ", %[factor], %[t]\n"      \
    "asr " Y ", " Y ", %[shift]\n"               \
    "ssat " Y ", #8, " Y "\n"

static inline void ep_winograd_write(const int32_t *sums, ep_winograd_scale_t scale, int8_t *out, uint32_t pixel,
                                     uint32_t shift)
{
    int32_t a, b, c, d, t;
    __asm__ volatile(
        "ldr %[a], [%[sums], #32]\n"
        "ldr %[b], [%[sums], #64]\n"
        "ldr %[c], [%[sums], #96]\n"
        "ldr %[d], [%[sums], #128]\n"
        "add %[t], %[a], %[b]\n"
        "sub %[a], %[a], %[b]\n"
        "add %[b], %[c], %[d]\n"
        "sub %[c], %[c], %[d]\n"
        "ldr %[d], [%[sums]]\n"
        "add %[d], %[d], %[b]\n"
        "sub %[d], %[d], %[t], lsl #2\n"
        "sub %[b], %[b], %[t]\n"
        EP_WINOGRAD_REQUANT("%[d]")
        "strb %[d], [%[out]]\n"
        "sub %[d], %[c], %[a], lsl #1\n"
        "lsl %[d], %[d], #1\n"
        EP_WINOGRAD_REQUANT("%[d]")
        "strb %[d], [%[out], %[pixel]]\n"
        "lsl %[b], %[b], #2\n"
        EP_WINOGRAD_REQUANT("%[b]")
        "strb %[b], [%[out], %[pixel], lsl #1]\n"
        "ldr %[d], [%[sums], #160]\n"
        "sub %[d], %[d], %[a]\n"
        "add %[d], %[d], %[c], lsl #1\n"
        "lsl %[d], %[d], #2\n"
        EP_WINOGRAD_REQUANT("%[d]")
        "add %[t], %[out], %[pixel]\n"
        "strb %[d], [%[t], %[pixel], lsl #1]\n"
        : [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d), [t] "=&r"(t)
        : [sums] "r"(sums), [out] "r"(out), [pixel] "r"(pixel), [shift] "r"(shift), [factor] "r"(scale.factor),
          [offset] "r"(scale.offset), [below] "r"(scale.below_zero)
        : "memory");
}

#else

static inline void ep_winograd_write(const int32_t *sums, ep_winograd_scale_t scale, int8_t *out, uint32_t pixel,
                                     uint32_t shift)
{
    uint32_t y[4];
    EP_WINOGRAD_OUTPUTS((const uint32_t *)sums, EP_WINOGRAD_SUM_STEP, y, 1U);
    for (uint32_t p = 0; p < 4U; p++) {
        const int32_t acc = (int32_t)y[p];
        const int32_t offset = scale.offset + (scale.below_zero & (acc >> 31));
        out[p * pixel] = (int8_t)ep_saturate8(ep_smmla(acc, scale.factor, offset) >> shift);
    }
}

#endif

/* Ten pixels of image row `y` from pixel `x` on, in the image or, where they leave it, as a copy with the zero point. */
const int8_t *ep_winograd_line(const ep_winograd_t *layer, const int8_t *in, int32_t y, int32_t x, int8_t *line);

#endif
