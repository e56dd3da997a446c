/*
 * 3x3 convolution with stride 1 and a border of 1, int8 in, int8 out, with half or a quarter of the multiplications.
 *
 * Winograd's F(4,3): four neighbouring outputs of a three-tap filter from six products instead of twelve. With
 * d six neighbouring inputs and g the taps, in integers throughout (Winograd 1980; Lavin, Gray 2016, arXiv:1509.09308):
 *
 *       v = B d, inputs        u = G g, weights (made when the code is generated)        24 * y = A (sum_c u * v)
 *       4  0 -5  0  1  0        6  0  0                                                   1 -4 -4  1  1  0
 *       0 -4 -4  1  1  0        1  1  1                                                   0 -4  4  2 -2  0
 *       0  4 -4 -1  1  0        1 -1  1                                                   0 -4 -4  4  4  0
 *       0 -2 -1  2  1  0        1  2  4                                                   0 -4  4  8 -8  4
 *       0  2 -1 -2  1  0        1 -2  4
 *       0  4  0 -5  0  1        0  0  6
 *
 *   ep_winograd_row_dsp     along the width only; the three kernel rows are summed like channels: 6 points of 3 * in_c
 *                           products, scale 24
 *   ep_winograd_square_dsp  along width and height: 36 points of in_c products, scale 24 * 24 = 576
 *
 *   in      int8   [h][w][in_c], w a multiple of 8, in_c of 4; for `square` h a multiple of 4
 *   out     int8   [h][w][out_c], out_c a multiple of 4; pixels `out_pixel` bytes apart
 *   stream  words  for every four output channels: [points] { 4 starting sums, [pairs][4] two int16 weights each },
 *                  then for each channel three constants of the requantization
 *                    out = saturate8((offset + (y < 0 ? negative_offset : 0) + (scale * y * factor >> 32)) >> shift)
 *
 * Two inputs lie in one word as low + 2^16 * high, so one instruction transforms both. Offsets keep what is stored from
 * being negative, so that the halves are also the lanes SMLAD wants; the starting sums take them out again, and put in
 * the bias with the input's zero point.
 *
 * Range:   scale * |acc| < 2^31; sums before that may wrap. |weights| <= 889, or 6,223; inputs 0..32,767.
 * Scratch: transformed inputs (row: 24 * in_c words for four lines; square: 36 * in_c words), points * 8 words of sums,
 *          10 * in_c bytes of a line. Align: 4 bytes.
 * Order:   blocks of 8 x 2 (row) or 8 x 4 (square) pixels, row by row; reads one pixel and one row around a block.
 * Proof:   tests/firmware/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DSP_WINOGRAD_H
#define EP_DSP_WINOGRAD_H

#include <stdint.h>

#include "dsp/arith.h"

/* Sums of four channels and two tiles for all points, 8 words a point; returns the stream behind the weights. */
typedef const uint32_t *(*ep_winograd_points_t)(const uint32_t *inputs, const uint32_t *stream, int32_t *sums);

typedef struct {
    ep_winograd_points_t points;
    const uint32_t *stream;
    uint16_t h, w, in_c, out_c, out_pixel;
    uint8_t shift;
    int8_t in_zero;
} ep_winograd_t;

void ep_winograd_row_dsp(const ep_winograd_t *layer, const int8_t *in, int8_t *out, void *scratch);
void ep_winograd_square_dsp(const ep_winograd_t *layer, const int8_t *in, int8_t *out, void *scratch);

/*
 * EP_WINOGRAD_POINTS defines the inner function for a number of points and head + loops * chunk pairs of inputs a point.
 */
#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* Registers: r0 inputs, r1 stream, r2 r3 inputs of both tiles, r4 r5 weights, r6-r12 lr sums (channel, tile). */
#define EP_WINOGRAD_PAIR(A, B, C, D)    \
    "ldrd r2, r3, [r0], 8 * %c[points]\n" \
    "ldmia r1!, {r4, r5}\n"             \
    "smlad r6, r2, r4, " A "\n"         \
    "smlad r7, r3, r4, r7\n"            \
    "smlad r8, r2, r5, " B "\n"         \
    "smlad r9, r3, r5, r9\n"            \
    "ldmia r1!, {r4, r5}\n"             \
    "smlad r10, r2, r4, " C "\n"        \
    "smlad r11, r3, r4, r11\n"          \
    "smlad r12, r2, r5, " D "\n"        \
    "smlad lr, r3, r5, lr\n"

#define EP_WINOGRAD_POINTS(NAME, POINTS, HEAD, LOOPS, CHUNK)                                                      \
    static __attribute__((noinline)) const uint32_t *NAME(const uint32_t *inputs, const uint32_t *stream,         \
                                                          int32_t *sums)                                          \
    {                                                                                                             \
        register const uint32_t *r0 __asm__("r0") = inputs;                                                       \
        register const uint32_t *r1 __asm__("r1") = stream;                                                       \
        register int32_t *r2 __asm__("r2") = sums;                                                                \
        __asm__ volatile(                                                                                         \
            "addw r3, r2, 32 * %c[points]\n"                                                                      \
            "push {r0, r2-r12, lr}\n"                                                                             \
            "1:\n"                                                                                                \
            "ldr r0, [sp]\n"                                                                                      \
            "add r2, r0, #8\n"                                                                                    \
            "str r2, [sp]\n"                                                                                      \
            "ldmia r1!, {r7, r9, r11, lr}\n"                                                                      \
            EP_WINOGRAD_PAIR("r7", "r9", "r11", "lr")                                                             \
            ".rept %c[head] - 1\n"                                                                                \
            EP_WINOGRAD_PAIR("r6", "r8", "r10", "r12")                                                            \
            ".endr\n"                                                                                             \
            ".if %c[loops]\n"                                                                                     \
            "movw r2, %[loops]\n"                                                                                 \
            "2:\n"                                                                                                \
            "push {r2}\n"                                                                                         \
            ".rept %c[chunk]\n"                                                                                   \
            EP_WINOGRAD_PAIR("r6", "r8", "r10", "r12")                                                            \
            ".endr\n"                                                                                             \
            "pop {r2}\n"                                                                                          \
            "subs r2, #1\n"                                                                                       \
            "bne.w 2b\n"                                                                                          \
            ".endif\n"                                                                                            \
            "ldrd r2, r3, [sp, #4]\n"                                                                             \
            "stmia r2!, {r6-r12, lr}\n"                                                                           \
            "cmp r2, r3\n"                                                                                        \
            "str r2, [sp, #4]\n"                                                                                  \
            "bne.w 1b\n"                                                                                          \
            "add sp, #12\n"                                                                                       \
            "pop {r4-r12, lr}\n"                                                                                  \
            : "+r"(r0), "+r"(r1), "+r"(r2)                                                                        \
            : [points] "i"(POINTS), [head] "i"(HEAD), [loops] "i"(LOOPS), [chunk] "i"(CHUNK)                      \
            : "r3", "r12", "cc", "memory");                                                                       \
        return r1;                                                                                                \
    }

#else

static inline const uint32_t *ep_winograd_sums(uint32_t points, uint32_t pairs, const uint32_t *inputs,
                                               const uint32_t *stream, int32_t *sums)
{
    for (uint32_t point = 0; point < points; point++) {
        for (uint32_t k = 0; k < 8U; k++) {
            int32_t sum = (int32_t)stream[k / 2U];
            for (uint32_t pair = 0; pair < pairs; pair++) {
                sum = ep_smlad(inputs[2U * points * pair + k % 2U], stream[4U + 4U * pair + k / 2U], sum);
            }
            *sums++ = sum;
        }
        inputs += 2;
        stream += 4U + 4U * pairs;
    }
    return stream;
}

#define EP_WINOGRAD_POINTS(NAME, POINTS, HEAD, LOOPS, CHUNK)                                                      \
    static const uint32_t *NAME(const uint32_t *inputs, const uint32_t *stream, int32_t *sums)                    \
    {                                                                                                             \
        return ep_winograd_sums(POINTS, (HEAD) + (LOOPS) * (CHUNK), inputs, stream, sums);                        \
    }

#endif

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
