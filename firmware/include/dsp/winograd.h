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
 * being negative, so that the halves are also the lanes SMLAD takes; the starting sums take them out again, and put in
 * the bias with the input's zero point.
 *
 * Range:   scale * |acc| < 2^31; sums before that may wrap. |weights| <= 889, or 6,223; inputs 0..32,767.
 * Scratch: transformed inputs (row: 24 * in_c words for four lines; square: 36 * in_c words), points * 8 words of sums,
 *          10 * in_c bytes of a line. Align: 4 bytes.
 * Order:   blocks of 8 x 2 (row) or 8 x 4 (square) pixels, row by row; reads one pixel and one row around a block.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DSP_WINOGRAD_H
#define EP_DSP_WINOGRAD_H

#include <stdint.h>

#include "dsp/arith.h"
#include "ep_frame.h"

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
            EP_FRAME_KEEP                                                                                         \
            "push {r0, r2-r12, lr}\n"                                                                             \
            EP_FRAME_R0_R2_R12_LR                                                                                 \
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
            EP_FRAME_DOWN(4)                                                                                      \
            ".rept %c[chunk]\n"                                                                                   \
            EP_WINOGRAD_PAIR("r6", "r8", "r10", "r12")                                                            \
            ".endr\n"                                                                                             \
            "pop {r2}\n"                                                                                          \
            EP_FRAME_UP(4)                                                                                        \
            "subs r2, #1\n"                                                                                       \
            "bne.w 2b\n"                                                                                          \
            ".endif\n"                                                                                            \
            "ldrd r2, r3, [sp, #4]\n"                                                                             \
            "stmia r2!, {r6-r12, lr}\n"                                                                           \
            "cmp r2, r3\n"                                                                                        \
            "str r2, [sp, #4]\n"                                                                                  \
            "bne.w 1b\n"                                                                                          \
            "add sp, #12\n"                                                                                       \
            EP_FRAME_UP(12)                                                                                       \
            "pop {r4-r12, lr}\n"                                                                                  \
            EP_FRAME_BACK                                                                                         \
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

#endif
