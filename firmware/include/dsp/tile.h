/*
 * The core of every convolution on a core with the DSP extension: three pixels times all pairs of output channels.
 *
 *   acc[p][o] = bias[o] + sum_k column[p][k] * weight[o][k]                p = 0..2, k = 0..4 * steps - 1
 *   out[p][o] = the layer's requantization of acc[p][o]
 *
 *   columns  int16, two to a word   [steps][2][3]: word h of step s holds inputs 4s + h (low) and 4s + h + 2 (high)
 *                                   of pixel 0, 1, 2. The input's zero point is not subtracted: it is in the bias.
 *   stream   words                  for each pair (a, b) of output channels, in order; an odd number of them ends with
 *                                   the last two, the first of which the pair before it has computed already:
 *                                     256 * bias[b] + bias[a], bias[a]
 *                                     [steps][2]  lanes of 256 * weight[b] + weight[a], inputs as in columns
 *                                     the constants of the requantization, a's then b's
 *   out      int8 [3][pixel]        out_c of each, out_c >= 2; pixels `pixel` bytes apart
 *
 * One SMLAD with a word of the stream gives 256 * acc[b] + acc[a] and one SXTB16 of the word gives weight[a]'s lanes, so
 * two inputs of a pair cost a load, an unpacking and two SMLADs a pixel. acc[b] = (256 * acc[b] + acc[a] - acc[a]) >> 8
 * is exact, whatever wraps on the way, when -2^23 <= acc[b] < 2^23.
 *
 * Two ways to requantize:
 *   TWO    (offset + (acc * factor >> 32)) >> shift, saturated: SMMLA, SSAT.    Constants: factor, offset.
 *   EXACT  LiteRT's two roundings as they are, for channels that TWO cannot reproduce; clamped to low..high.
 *          Constants: multiplier, zero_point * 2^e + 2^(e - 1), e; where e = -shift >= 1.
 *
 * Use:     EP_TILE_TWO or EP_TILE_EXACT define one function for a number of steps and channels; head + loops * chunk
 *          steps, head >= 1, of which `loops` are looped over and the rest is straight code.
 * Range:   |weight[b]| <= 127, acc[b] as above, |acc[a]| < 2^30, pixel <= 2047;
 *          proved in edgeprune/engine/kernels/dsp/stream.py, pixel in edgeprune/engine/kernels/dsp/conv2d.py.
 * Scratch: columns, 24 * steps bytes. Align: 4 bytes for columns and stream, 1 for out.
 * Proof:   tests/firmware/operators/test_dsp_layers.py, LiteRT's bytes from an emulated M4 and from the plain C on the host.
 */
#ifndef EP_DSP_TILE_H
#define EP_DSP_TILE_H

#include <stdint.h>

#include "dsp/arith.h"
#include "ep_frame.h"

#define EP_TILE_PIXELS 3

typedef void (*ep_tile_t)(const uint32_t *columns, const uint32_t *stream, int8_t *out);

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/*
 * Registers: r0 columns, r1 stream, r2-r4 a word of each pixel, r5 r6 two words of weights, r7 unpacked weights,
 * r8-r10 sums 256 * b + a, r11 r12 lr sums of a. On the stack: columns, out, end of the pairs that share no channel,
 * ..., end of columns.
 */
#define EP_TILE_HALF(WEIGHTS)       \
    "ldmia r0!, {r2, r3, r4}\n"     \
    "smlad r8, r2, " WEIGHTS ", r8\n"   \
    "smlad r9, r3, " WEIGHTS ", r9\n"   \
    "smlad r10, r4, " WEIGHTS ", r10\n" \
    "sxtb16 r7, " WEIGHTS "\n"      \
    "smlad r11, r2, r7, r11\n"      \
    "smlad r12, r3, r7, r12\n"      \
    "smlad lr, r4, r7, lr\n"

#define EP_TILE_STEP "ldmia r1!, {r5, r6}\n" EP_TILE_HALF("r5") EP_TILE_HALF("r6")

#define EP_TILE_FIRST_STEP          \
    "ldrd r10, lr, [r1], #8\n"      \
    "ldmia r1!, {r5, r6}\n"         \
    "ldmia r0!, {r2, r3, r4}\n"     \
    "smlad r8, r2, r5, r10\n"       \
    "smlad r9, r3, r5, r10\n"       \
    "smlad r10, r4, r5, r10\n"      \
    "sxtb16 r7, r5\n"               \
    "smlad r11, r2, r7, lr\n"       \
    "smlad r12, r3, r7, lr\n"       \
    "smlad lr, r4, r7, lr\n"        \
    EP_TILE_HALF("r6")

#define EP_TILE_SUMS                \
    EP_TILE_FIRST_STEP              \
    ".rept %c[head] - 1\n"          \
    EP_TILE_STEP                    \
    ".endr\n"                       \
    ".if %c[loops]\n"               \
    "2:\n"                          \
    ".rept %c[chunk]\n"             \
    EP_TILE_STEP                    \
    ".endr\n"                       \
    "ldr r7, [sp, #44]\n"           \
    "cmp r0, r7\n"                  \
    "bne.w 2b\n"                    \
    ".endif\n"                      \
    "sub r8, r8, r11\n"             \
    "sub r9, r9, r12\n"             \
    "sub r10, r10, lr\n"

#define EP_TILE_TWO_FINISH          \
    "ldmia r1!, {r2, r3, r4, r5}\n" \
    "ldmia sp, {r0, r6, r7}\n"      \
    "smmla r11, r11, r2, r3\n"      \
    "smmla r12, r12, r2, r3\n"      \
    "smmla lr, lr, r2, r3\n"        \
    "smmla r8, r8, r4, r5\n"        \
    "smmla r9, r9, r4, r5\n"        \
    "smmla r10, r10, r4, r5\n"      \
    "ssat r11, #8, r11, asr %[shift_a]\n" \
    "ssat r12, #8, r12, asr %[shift_a]\n" \
    "ssat lr, #8, lr, asr %[shift_a]\n"   \
    "ssat r8, #8, r8, asr %[shift_b]\n"   \
    "ssat r9, #8, r9, asr %[shift_b]\n"   \
    "ssat r10, #8, r10, asr %[shift_b]\n"

#define EP_TILE_EXACT_A(SUM)        \
    "add r5, r3, " SUM ", asr #31\n" \
    "lsl " SUM ", " SUM ", #1\n"    \
    EP_TILE_EXACT_ROUND(SUM)

#define EP_TILE_EXACT_B(SUM)        \
    "add r5, r3, " SUM ", asr #31\n" \
    "asr " SUM ", " SUM ", #7\n"    \
    EP_TILE_EXACT_ROUND(SUM)

#define EP_TILE_EXACT_ROUND(SUM)    \
    "smmlar " SUM ", " SUM ", r2, r5\n" \
    "asr " SUM ", " SUM ", r4\n"    \
    "ssat " SUM ", #8, " SUM "\n"   \
    EP_CLAMPED(SUM)

#define EP_TILE_EXACT_FINISH        \
    "ldmia r1!, {r2, r3, r4}\n"     \
    EP_TILE_EXACT_A("r11")          \
    EP_TILE_EXACT_A("r12")          \
    EP_TILE_EXACT_A("lr")           \
    "ldmia r1!, {r2, r3, r4}\n"     \
    EP_TILE_EXACT_B("r8")           \
    EP_TILE_EXACT_B("r9")           \
    EP_TILE_EXACT_B("r10")          \
    "ldmia sp, {r0, r6, r7}\n"

/* Everything is saved and restored in here, so that the compiler sees an ordinary call's clobbers. */
#define EP_TILE_DEFINE(NAME, OUT_C, PIXEL, HEAD, LOOPS, CHUNK, FINISH, ...)                                         \
    static __attribute__((noinline)) void NAME(const uint32_t *columns, const uint32_t *stream, int8_t *out) \
    {                                                                                                        \
        register const uint32_t *r0 __asm__("r0") = columns;                                                 \
        register const uint32_t *r1 __asm__("r1") = stream;                                                  \
        register int8_t *r2 __asm__("r2") = out;                                                             \
        __asm__ volatile(                                                                                    \
            "addw r3, r2, %[channels]\n"                                                                     \
            "movw r12, %[columns_bytes]\n"                                                                   \
            "add r12, r12, r0\n"                                                                             \
            EP_FRAME_KEEP                                                                                    \
            "push {r0, r2-r12, lr}\n"                                                                        \
            EP_FRAME_R0_R2_R12_LR                                                                            \
            "1:\n"                                                                                           \
            EP_TILE_SUMS                                                                                     \
            FINISH                                                                                           \
            "strb r12, [r6, %[pixel]]\n"                                                                     \
            "strb lr, [r6, 2 * %c[pixel]]\n"                                                                 \
            "strb r9, [r6, 1 + %c[pixel]]\n"                                                                 \
            "strb r10, [r6, 1 + 2 * %c[pixel]]\n"                                                            \
            "strb r8, [r6, #1]\n"                                                                            \
            "strb r11, [r6], #2\n"                                                                           \
            "cmp r6, r7\n"                                                                                   \
            ".if %c[odd]\n"                                                                                  \
            "it eq\n"                                                                                        \
            "subeq r6, #1\n"                                                                                 \
            "str r6, [sp, #4]\n"                                                                             \
            "bls.w 1b\n"                                                                                     \
            ".else\n"                                                                                        \
            "str r6, [sp, #4]\n"                                                                             \
            "bne.w 1b\n"                                                                                     \
            ".endif\n"                                                                                       \
            "add sp, #12\n"                                                                                  \
            EP_FRAME_UP(12)                                                                                  \
            "pop {r4-r12, lr}\n"                                                                             \
            EP_FRAME_BACK                                                                                    \
            : "+r"(r0), "+r"(r1), "+r"(r2)                                                                   \
            : [channels] "i"((OUT_C) / 2 * 2), [columns_bytes] "i"(24 * ((HEAD) + (LOOPS) * (CHUNK))),       \
              [odd] "i"((OUT_C) % 2), [pixel] "i"(PIXEL), [head] "i"(HEAD), [loops] "i"(LOOPS),              \
              [chunk] "i"(CHUNK), __VA_ARGS__                                                                \
            : "r3", "r12", "cc", "memory");                                                                  \
    }

#define EP_TILE_TWO(NAME, OUT_C, PIXEL, SHIFT_A, SHIFT_B, HEAD, LOOPS, CHUNK)             \
    EP_TILE_DEFINE(NAME, OUT_C, PIXEL, HEAD, LOOPS, CHUNK, EP_TILE_TWO_FINISH,            \
                   [shift_a] "i"(SHIFT_A), [shift_b] "i"(SHIFT_B))

#define EP_TILE_EXACT(NAME, OUT_C, PIXEL, LOW, HIGH, HEAD, LOOPS, CHUNK)                  \
    EP_TILE_DEFINE(NAME, OUT_C, PIXEL, HEAD, LOOPS, CHUNK, EP_TILE_EXACT_FINISH,          \
                   [low] "i"(LOW), [high] "i"(HIGH))

#else

/* The sums of one pair: acc[p][0] is a's, acc[p][1] 256 times b's. Returns the stream after the weights. */
static inline const uint32_t *ep_tile_sums(const uint32_t *columns, const uint32_t *stream, uint32_t steps,
                                           int32_t acc[EP_TILE_PIXELS][2])
{
    for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
        int32_t both = (int32_t)stream[0];
        acc[p][0] = (int32_t)stream[1];
        for (uint32_t word = 0; word < 2U * steps; word++) {
            const uint32_t inputs = columns[word * EP_TILE_PIXELS + p];
            both = ep_smlad(inputs, stream[2U + word], both);
            acc[p][0] = ep_smlad(inputs, ep_sxtb16(stream[2U + word]), acc[p][0]);
        }
        acc[p][1] = (int32_t)((uint32_t)both - (uint32_t)acc[p][0]);
    }
    return stream + 2U + 2U * steps;
}

/* Where pair `pair` is written. */
static inline uint32_t ep_tile_pair(uint32_t pair, uint32_t out_c)
{
    return 2U * pair + 2U > out_c ? out_c - 2U : 2U * pair;
}

static inline void ep_tile_two(const uint32_t *columns, const uint32_t *stream, int8_t *out, uint32_t out_c,
                               uint32_t pixel, uint32_t steps, const uint32_t shift[2])
{
    for (uint32_t pair = 0; 2U * pair < out_c; pair++) {
        const uint32_t o = ep_tile_pair(pair, out_c);
        int32_t acc[EP_TILE_PIXELS][2];
        stream = ep_tile_sums(columns, stream, steps, acc);
        for (uint32_t b = 0; b < 2U; b++) {
            for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
                const int32_t scaled = ep_smmla(acc[p][b], (int32_t)stream[0], (int32_t)stream[1]);
                out[p * pixel + o + b] = (int8_t)ep_saturate8(scaled >> shift[b]);
            }
            stream += 2;
        }
    }
}

static inline void ep_tile_exact(const uint32_t *columns, const uint32_t *stream, int8_t *out, uint32_t out_c,
                                 uint32_t pixel, uint32_t steps, int32_t low, int32_t high)
{
    for (uint32_t pair = 0; 2U * pair < out_c; pair++) {
        const uint32_t o = ep_tile_pair(pair, out_c);
        int32_t acc[EP_TILE_PIXELS][2];
        stream = ep_tile_sums(columns, stream, steps, acc);
        for (uint32_t b = 0; b < 2U; b++) {
            for (uint32_t p = 0; p < EP_TILE_PIXELS; p++) {
                const int32_t doubled = b == 0U ? acc[p][b] * 2 : acc[p][b] >> 7;
                const int32_t offset = (int32_t)stream[1] + (doubled >> 31);
                const int32_t scaled = ep_smmlar(doubled, (int32_t)stream[0], offset) >> stream[2];
                out[p * pixel + o + b] = (int8_t)(scaled < low ? low : (scaled > high ? high : scaled));
            }
            stream += 3;
        }
    }
}

#define EP_TILE_TWO(NAME, OUT_C, PIXEL, SHIFT_A, SHIFT_B, HEAD, LOOPS, CHUNK)                     \
    static void NAME(const uint32_t *columns, const uint32_t *stream, int8_t *out)         \
    {                                                                                      \
        static const uint32_t shift[2] = {SHIFT_A, SHIFT_B};                               \
        ep_tile_two(columns, stream, out, OUT_C, PIXEL, (HEAD) + (LOOPS) * (CHUNK), shift);       \
    }

#define EP_TILE_EXACT(NAME, OUT_C, PIXEL, LOW, HIGH, HEAD, LOOPS, CHUNK)                          \
    static void NAME(const uint32_t *columns, const uint32_t *stream, int8_t *out)         \
    {                                                                                      \
        ep_tile_exact(columns, stream, out, OUT_C, PIXEL, (HEAD) + (LOOPS) * (CHUNK), LOW, HIGH); \
    }

#endif
#endif
