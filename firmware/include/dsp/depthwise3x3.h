/*
 * Depthwise 3x3 convolution, int8 in, int8 out, stride 1 or 2, any padding below 3: channel by channel.
 *
 *   acc[y][x][c] = bias[c] + sum_ij (in[y * stride - pad_top + i][x * stride - pad_left + j][c] - in_zero)
 *                                   * weight[i][j][c],   taps outside the image count nothing
 *   out[y][x][c] = clamp(requant(acc) + out_zero, out_min, out_max), rounded twice
 *
 * A channel's plane is copied into scratch as int16, padded with the zero point; three taps of a row are then one SMLAD
 * and one SMLABT, for two neighbouring outputs from the same two words. The plane's rows run along the image's width or,
 * transposed, along its height: the generator takes the one that wastes less. A plane that is too large for the scratch
 * comes in bands of rows.
 *
 *   in        int8   [in_h][in_w][channels]
 *   out       int8   [out_h][out_w][channels]
 *   channels  words  per channel: three rows of weights as bytes [w0, w1, w1, w2] (transposed with the plane), the bias
 *                    with the zero point folded in, and the requantization's constants as in dsp/tile.h, channel a
 *
 * Use:     EP_DEPTHWISE_TWO or EP_DEPTHWISE_EXACT define the inner function for one geometry: `head + loops * chunk`
 *          pairs of outputs a row, of which `loops` are looped over, and a last output alone where `odd` is 1.
 * Range:   |acc| < 2^30; a plane's row takes at most 508 bytes; out_step <= 2047; proved in
 *          edgeprune/engine/kernels/dsp/depthwise.py.
 * Scratch: the bands of two channels (one if there is but one), plane_bytes each. Align: 4 bytes for scratch and channels.
 * Order:   a channel's band is read before its outputs are written: in place when `out` is exactly `in`.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, the same bytes as LiteRT's reference interpreter, in place too.
 */
#ifndef EP_DSP_DEPTHWISE3X3_H
#define EP_DSP_DEPTHWISE3X3_H

#include <stdint.h>

#include "dsp/arith.h"
#include "ep_frame.h"

/* Outputs of `rows` rows of one channel from its plane. */
typedef void (*ep_depthwise_rows_t)(const int16_t *plane, const uint32_t *channel, int8_t *out, uint32_t rows);

typedef struct {
    ep_depthwise_rows_t rows;
    const uint32_t *channels;
    uint16_t channel_words;
    uint16_t in_c;
    uint16_t plane_row;                  /* elements of a plane's row */
    uint16_t plane_bytes;                /* of one channel's band */
    uint16_t band_rows;                  /* output rows made from one band */
    uint16_t in_length, in_rows;         /* of the image, along and across the plane's rows */
    uint16_t in_step, in_row_step;       /* bytes between neighbours in the image, along and across */
    uint16_t out_rows, out_row_step;     /* bytes */
    uint8_t stride;
    uint8_t pad_before, pad_rows_before; /* along, across */
    int8_t in_zero;
} ep_depthwise_dsp_t;

void ep_depthwise_dsp(const ep_depthwise_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch);

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/*
 * Registers: r0 row 2 of the plane, r1 out, r2-r7 weights (w0, w1) and (w1, w2) of the three rows, r8 r9 r12 inputs,
 * r10 r11 sums, lr bias. On the stack: constants of the requantization (3 words), next row's out, end of r0, counter.
 */
#define EP_DEPTHWISE_TAPS_1(W01, W12, START0, START1) \
    "smlad r10, r8, " W01 ", " START0 "\n"            \
    "smlatb r11, r8, " W01 ", " START1 "\n"           \
    "smlabt r10, r9, " W12 ", r10\n"                  \
    "smlad r11, r9, " W12 ", r11\n"

#define EP_DEPTHWISE_PAIR_1                        \
    "ldrd r8, r9, [r0, #-2 * %c[row]]\n"           \
    EP_DEPTHWISE_TAPS_1("r2", "r3", "lr", "lr")    \
    "ldrd r8, r9, [r0, #-%c[row]]\n"               \
    EP_DEPTHWISE_TAPS_1("r4", "r5", "r10", "r11")  \
    "ldrd r8, r9, [r0], #4\n"                      \
    EP_DEPTHWISE_TAPS_1("r6", "r7", "r10", "r11")

#define EP_DEPTHWISE_TAPS_2(W01, W12, START0, START1) \
    "smlad r10, r8, " W01 ", " START0 "\n"            \
    "smlad r11, r9, " W01 ", " START1 "\n"            \
    "smlabt r10, r9, " W12 ", r10\n"                  \
    "smlabt r11, r12, " W12 ", r11\n"

#define EP_DEPTHWISE_PAIR_2                        \
    "ldrd r8, r9, [r0, #-2 * %c[row]]\n"           \
    "ldr r12, [r0, #8 - 2 * %c[row]]\n"            \
    EP_DEPTHWISE_TAPS_2("r2", "r3", "lr", "lr")    \
    "ldrd r8, r9, [r0, #-%c[row]]\n"               \
    "ldr r12, [r0, #8 - %c[row]]\n"                \
    EP_DEPTHWISE_TAPS_2("r4", "r5", "r10", "r11")  \
    "ldr r12, [r0, #8]\n"                          \
    "ldrd r8, r9, [r0], #8\n"                      \
    EP_DEPTHWISE_TAPS_2("r6", "r7", "r10", "r11")

#define EP_DEPTHWISE_ALONE                         \
    "ldrd r8, r9, [r0, #-2 * %c[row]]\n"           \
    "smlad r10, r8, r2, lr\n"                      \
    "smlabt r10, r9, r3, r10\n"                    \
    "ldrd r8, r9, [r0, #-%c[row]]\n"               \
    "smlad r10, r8, r4, r10\n"                     \
    "smlabt r10, r9, r5, r10\n"                    \
    "ldrd r8, r9, [r0]\n"                          \
    "smlad r10, r8, r6, r10\n"                     \
    "smlabt r10, r9, r7, r10\n"

#define EP_DEPTHWISE_TWO_LOAD "ldrd r8, r9, [sp]\n"
#define EP_DEPTHWISE_TWO_FINISH(SUM)               \
    "smmla " SUM ", " SUM ", r8, r9\n"             \
    "ssat " SUM ", #8, " SUM ", asr %[shift]\n"

#define EP_DEPTHWISE_EXACT_LOAD ""
#define EP_DEPTHWISE_EXACT_FINISH(SUM)             \
    "ldrd r8, r9, [sp]\n"                          \
    "ldr r12, [sp, #8]\n"                          \
    "add r9, r9, " SUM ", asr #31\n"               \
    "lsl " SUM ", " SUM ", #1\n"                   \
    "smmlar " SUM ", " SUM ", r8, r9\n"            \
    "asr " SUM ", " SUM ", r12\n"                  \
    "ssat " SUM ", #8, " SUM "\n"                  \
    EP_CLAMPED(SUM)

#define EP_DEPTHWISE_PAIRS(COUNT, STRIDE, WAY)     \
    ".rept " COUNT "\n"                            \
    EP_DEPTHWISE_PAIR_##STRIDE                     \
    EP_DEPTHWISE_##WAY##_LOAD                      \
    EP_DEPTHWISE_##WAY##_FINISH("r10")             \
    EP_DEPTHWISE_##WAY##_FINISH("r11")             \
    ".if .Lep_at + %c[step] > 4095\n"              \
    EP_DEPTHWISE_MOVE_OUT                          \
    ".endif\n"                                     \
    "strb r10, [r1, #.Lep_at]\n"                    \
    "strb r11, [r1, #.Lep_at + %c[step]]\n"         \
    ".set .Lep_at, .Lep_at + 2 * %c[step]\n"       \
    ".endr\n"

/* The assembler's .Lep_at is where the next output lies from r1 on; this moves r1 there. */
#define EP_DEPTHWISE_MOVE_OUT                      \
    ".if .Lep_at > 4095\n"                         \
    "movw r8, #.Lep_at\n"                           \
    "add r1, r8\n"                                 \
    ".elseif .Lep_at > 0\n"                        \
    "addw r1, r1, #.Lep_at\n"                       \
    ".endif\n"                                     \
    ".set .Lep_at, 0\n"

/* Everything is saved and restored in here, so that the compiler sees an ordinary call's clobbers. */
#define EP_DEPTHWISE_DEFINE(NAME, STRIDE, WAY, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, ...)                \
    static __attribute__((noinline)) void NAME(const int16_t *plane, const uint32_t *channel, int8_t *out,             \
                                               uint32_t rows)                                                          \
    {                                                                                                                  \
        register const int16_t *r0 __asm__("r0") = plane;                                                              \
        register const uint32_t *r1 __asm__("r1") = channel;                                                           \
        register int8_t *r2 __asm__("r2") = out;                                                                       \
        register uint32_t r3 __asm__("r3") = rows;                                                                     \
        __asm__ volatile(                                                                                              \
            EP_FRAME_KEEP                                                                                              \
            "push {r4-r11, lr}\n"                                                                                      \
            EP_FRAME_R4_R11_LR                                                                                         \
            "sub sp, #24\n"                                                                                            \
            EP_FRAME_DOWN(24)                                                                                          \
            "addw r0, r0, 2 * %c[row]\n"                                                                               \
            "str r2, [sp, #12]\n"                                                                                      \
            "movw r12, %[row] * %c[stride]\n"                                                                          \
            "mla r12, r12, r3, r0\n"                                                                                   \
            "str r12, [sp, #16]\n"                                                                                     \
            "ldmia r1!, {r8, r9, r10, lr}\n"                                                                           \
            "ldmia r1, {r11, r12}\n"                                                                                   \
            "strd r11, r12, [sp]\n"                                                                                    \
            "ldr r12, [r1, #8]\n"                                                                                      \
            "str r12, [sp, #8]\n"                                                                                      \
            "sxtb16 r2, r8\n"                                                                                          \
            "sxtb16 r3, r8, ror #8\n"                                                                                  \
            "sxtb16 r4, r9\n"                                                                                          \
            "sxtb16 r5, r9, ror #8\n"                                                                                  \
            "sxtb16 r6, r10\n"                                                                                         \
            "sxtb16 r7, r10, ror #8\n"                                                                                 \
            "ldr r1, [sp, #12]\n"                                                                                      \
            "1:\n"                                                                                                     \
            ".set .Lep_at, 0\n"                                                                                        \
            ".set .Lep_outputs, 2 * (%c[head] + %c[loops] * %c[chunk]) + %c[odd]\n"                                    \
            ".if %c[row_step] != %c[step] * .Lep_outputs\n"                                                            \
            "movw r12, %[row_step]\n"                                                                                  \
            "add r12, r12, r1\n"                                                                                       \
            "str r12, [sp, #12]\n"                                                                                     \
            ".endif\n"                                                                                                 \
            EP_DEPTHWISE_PAIRS("%c[head]", STRIDE, WAY)                                                                \
            ".if %c[loops]\n"                                                                                          \
            EP_DEPTHWISE_MOVE_OUT                                                                                      \
            "movw r12, %[loops]\n"                                                                                     \
            "2:\n"                                                                                                     \
            "str r12, [sp, #20]\n"                                                                                     \
            EP_DEPTHWISE_PAIRS("%c[chunk]", STRIDE, WAY)                                                               \
            EP_DEPTHWISE_MOVE_OUT                                                                                      \
            "ldr r12, [sp, #20]\n"                                                                                     \
            "subs r12, #1\n"                                                                                           \
            "bne.w 2b\n"                                                                                               \
            ".endif\n"                                                                                                 \
            ".if %c[odd]\n"                                                                                            \
            EP_DEPTHWISE_ALONE                                                                                         \
            EP_DEPTHWISE_##WAY##_LOAD                                                                                  \
            EP_DEPTHWISE_##WAY##_FINISH("r10")                                                                         \
            ".if .Lep_at > 4095\n"                                                                                     \
            EP_DEPTHWISE_MOVE_OUT                                                                                      \
            ".endif\n"                                                                                                 \
            "strb r10, [r1, #.Lep_at]\n"                                                                                \
            ".set .Lep_at, .Lep_at + %c[step]\n"                                                                       \
            ".endif\n"                                                                                                 \
            ".if %c[row_step] != %c[step] * .Lep_outputs\n"                                                            \
            "ldr r1, [sp, #12]\n"                                                                                      \
            ".else\n"                                                                                                  \
            EP_DEPTHWISE_MOVE_OUT                                                                                      \
            ".endif\n"                                                                                                 \
            "addw r0, r0, %c[stride] * (%c[row] - 4 * (%c[head] + %c[loops] * %c[chunk]))\n"                           \
            "ldr r12, [sp, #16]\n"                                                                                     \
            "cmp r0, r12\n"                                                                                            \
            "bne.w 1b\n"                                                                                               \
            "add sp, #24\n"                                                                                            \
            EP_FRAME_UP(24)                                                                                            \
            "pop {r4-r11, lr}\n"                                                                                       \
            EP_FRAME_BACK                                                                                              \
            : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)                                                                   \
            : [stride] "i"(STRIDE), [row] "i"(ROW_BYTES), [step] "i"(STEP), [row_step] "i"(ROW_STEP),                  \
              [head] "i"(HEAD), [loops] "i"(LOOPS), [chunk] "i"(CHUNK), [odd] "i"(ODD), __VA_ARGS__                    \
            : "r12", "cc", "memory");                                                                                  \
    }

#define EP_DEPTHWISE_TWO(NAME, STRIDE, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, SHIFT)          \
    EP_DEPTHWISE_DEFINE(NAME, STRIDE, TWO, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, [shift] "i"(SHIFT))

#define EP_DEPTHWISE_EXACT(NAME, STRIDE, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, LOW, HIGH)    \
    EP_DEPTHWISE_DEFINE(NAME, STRIDE, EXACT, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD,           \
                        [low] "i"(LOW), [high] "i"(HIGH))

#else

typedef struct {
    uint32_t stride, row_bytes, outputs, step, row_step;
    uint32_t exact; /* else the constants are factor, offset and `shift` */
    uint32_t shift;
    int32_t low, high;
} ep_depthwise_geometry_t;

/* A weight of the nine: bytes 0, 1 and 3 of the row's word. */
static inline int32_t ep_depthwise_weight(const uint32_t *channel, uint32_t row, uint32_t tap)
{
    return (int8_t)(channel[row] >> (tap < 2U ? 8U * tap : 24U) & 0xFFU);
}

static inline void ep_depthwise_rows(const ep_depthwise_geometry_t *shape, const int16_t *plane,
                                     const uint32_t *channel, int8_t *out, uint32_t rows)
{
    const uint32_t row_elements = shape->row_bytes / 2U;
    const int32_t *const constants = (const int32_t *)channel + 4;
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < shape->outputs; x++) {
            int32_t acc = (int32_t)channel[3];
            for (uint32_t i = 0; i < 3U; i++) {
                for (uint32_t j = 0; j < 3U; j++) {
                    const int16_t input = plane[(y * shape->stride + i) * row_elements + x * shape->stride + j];
                    acc += input * ep_depthwise_weight(channel, i, j);
                }
            }
            if (shape->exact != 0U) {
                acc = ep_smmlar(acc * 2, constants[0], constants[1] + (acc >> 31)) >> constants[2];
                acc = acc < shape->low ? shape->low : (acc > shape->high ? shape->high : acc);
            } else {
                acc = ep_saturate8(ep_smmla(acc, constants[0], constants[1]) >> shape->shift);
            }
            out[y * shape->row_step + x * shape->step] = (int8_t)acc;
        }
    }
}

#define EP_DEPTHWISE_DEFINE(NAME, ...)                                                                       \
    static void NAME(const int16_t *plane, const uint32_t *channel, int8_t *out, uint32_t rows)              \
    {                                                                                                        \
        static const ep_depthwise_geometry_t shape = {__VA_ARGS__};                                          \
        ep_depthwise_rows(&shape, plane, channel, out, rows);                                                \
    }

#define EP_DEPTHWISE_TWO(NAME, STRIDE, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, SHIFT)                    \
    EP_DEPTHWISE_DEFINE(NAME, STRIDE, ROW_BYTES, 2 * ((HEAD) + (LOOPS) * (CHUNK)) + (ODD), STEP, ROW_STEP, 0, SHIFT, \
                        -128, 127)

#define EP_DEPTHWISE_EXACT(NAME, STRIDE, ROW_BYTES, STEP, ROW_STEP, HEAD, LOOPS, CHUNK, ODD, LOW, HIGH)              \
    EP_DEPTHWISE_DEFINE(NAME, STRIDE, ROW_BYTES, 2 * ((HEAD) + (LOOPS) * (CHUNK)) + (ODD), STEP, ROW_STEP, 1, 0,     \
                        LOW, HIGH)

#endif
#endif
