#include "dsp/tiles16.h"

#include "dsp/arith.h"
#include "ep_fixed_point.h"
#include "ep_frame.h"

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/* Columns or x in r0, weights in r1, pairs in r2; sums in r7-r12. STEP for every pair, four times a loop. */
#define LOOP(STEP)                      \
    "subs r2, #4\n"                     \
    "blt 2f\n"                          \
    "1:\n" STEP STEP STEP STEP          \
    "subs r2, #4\n"                     \
    "bge 1b\n"                          \
    "2:\n"                              \
    "adds r2, #4\n"                     \
    "beq 4f\n"                          \
    "3:\n" STEP                         \
    "subs r2, #1\n"                     \
    "bne 3b\n"                          \
    "4:\n"

#define OVER_PAIRS(STEP)                \
    __asm__("push {r3-r11, lr}\n"       \
            EP_FRAME_R3_R11_LR          \
            "ldmia r3, {r7-r12}\n"      \
            LOOP(STEP)                  \
            "ldr r3, [sp]\n"            \
            "stmia r3, {r7-r12}\n"      \
            "pop {r3-r11, pc}\n")

/* On the stack: columns, the job. */
#define SHORT(SATURATE)                 \
    __asm__("push {r4-r11, lr}\n"       \
            EP_FRAME_R4_R11_LR          \
            "push {r0, r2}\n"           \
            EP_FRAME_DOWN(8)            \
            "5:\n"                      \
            "ldmia sp, {r0, r2}\n"      \
            "ldr r2, [r2]\n"            \
            "ldrd r7, r10, [r1], #8\n"  \
            "mov r8, r7\n"              \
            "mov r9, r7\n"              \
            "mov r11, r10\n"            \
            "mov r12, r10\n"            \
            LOOP(TILE_STEP)             \
            "ldr r2, [sp, #4]\n"        \
            "ldrd r3, r4, [r1], #8\n"   \
            "ldrd r5, r6, [r2, #4]\n"   \
            SCALED("r7", "r3", SATURATE) \
            SCALED("r8", "r3", SATURATE) \
            SCALED("r9", "r3", SATURATE) \
            SCALED("r10", "r4", SATURATE) \
            SCALED("r11", "r4", SATURATE) \
            SCALED("r12", "r4", SATURATE) \
            "strh r7, [r5], #2\n"       \
            "strh r10, [r5], #2\n"      \
            "str r5, [r2, #4]\n"        \
            "add r5, r5, r6\n"          \
            "strh r8, [r5, #-4]\n"      \
            "strh r11, [r5, #-2]\n"     \
            "add r5, r5, r6\n"          \
            "strh r9, [r5, #-4]\n"      \
            "strh r12, [r5, #-2]\n"     \
            "ldr r3, [r2, #12]\n"       \
            "subs r3, #1\n"             \
            "str r3, [r2, #12]\n"       \
            "bne.w 5b\n"                \
            "add sp, #8\n"              \
            EP_FRAME_UP(8)              \
            "pop {r4-r11, pc}\n")

#define SCALED(SUM, FACTOR, SATURATE) "smmulr " SUM ", " SUM ", " FACTOR "\n" SATURATE(SUM)
#define SIGNED(SUM) "ssat " SUM ", #16, " SUM "\n"
#define UNSIGNED(SUM) "usat " SUM ", #15, " SUM "\n"

#define TILE_STEP                       \
    "ldmia r0!, {r3, r4, r5}\n"         \
    "ldr r6, [r1], #4\n"                \
    "sxtb16 lr, r6, ror #8\n"           \
    "sxtb16 r6, r6\n"                   \
    "smlad r7, r3, r6, r7\n"            \
    "smlad r8, r4, r6, r8\n"            \
    "smlad r9, r5, r6, r9\n"            \
    "smlad r10, r3, lr, r10\n"          \
    "smlad r11, r4, lr, r11\n"          \
    "smlad r12, r5, lr, r12\n"

#define TWO_ROWS(WORD, FIRST, SECOND)           \
    "sxtb16 lr, " WORD ", ror #8\n"             \
    "sxtb16 " WORD ", " WORD "\n"               \
    "smlad " FIRST ", r3, " WORD ", " FIRST "\n" \
    "smlad " SECOND ", r3, lr, " SECOND "\n"

#define ROWS_STEP                       \
    "ldr r3, [r0], #4\n"                \
    "ldmia r1!, {r4, r5, r6}\n"         \
    TWO_ROWS("r4", "r7", "r8")          \
    TWO_ROWS("r5", "r9", "r10")         \
    TWO_ROWS("r6", "r11", "r12")

__attribute__((naked)) void ep_tile16(__attribute__((unused)) const uint32_t *columns,
                                      __attribute__((unused)) const uint32_t *weights,
                                      __attribute__((unused)) uint32_t pairs, __attribute__((unused)) int32_t *acc)
{
    OVER_PAIRS(TILE_STEP);
}

__attribute__((naked)) void ep_rows16(__attribute__((unused)) const int16_t *x,
                                      __attribute__((unused)) const uint32_t *weights,
                                      __attribute__((unused)) uint32_t pairs, __attribute__((unused)) int32_t *acc)
{
    OVER_PAIRS(ROWS_STEP);
}

__attribute__((naked)) void ep_short16(__attribute__((unused)) const uint32_t *columns,
                                       __attribute__((unused)) const uint32_t *stream,
                                       __attribute__((unused)) ep_short16_t *job)
{
    SHORT(SIGNED);
}

__attribute__((naked)) void ep_short16_relu(__attribute__((unused)) const uint32_t *columns,
                                            __attribute__((unused)) const uint32_t *stream,
                                            __attribute__((unused)) ep_short16_t *job)
{
    SHORT(UNSIGNED);
}

#else

static void short_sums(const uint32_t *columns, const uint32_t *stream, ep_short16_t *job, int32_t low)
{
    for (; job->channel_pairs != 0U; job->channel_pairs--) {
        int32_t acc[6];
        for (int32_t i = 0; i < 6; i++) {
            acc[i] = (int32_t)stream[i / 3];
        }
        ep_tile16(columns, stream + 2, job->pairs, acc);
        stream += job->pairs + 2U;
        for (int32_t i = 0; i < 6; i++) {
            int16_t *const pixel = job->out + (uint32_t)(i % 3) * (job->pixel_bytes / 2U);
            pixel[i / 3] = (int16_t)ep_clamp(ep_smmlar(acc[i], (int32_t)stream[i / 3], 0), low, INT16_MAX);
        }
        stream += 2;
        job->out += 2;
    }
}

void ep_short16(const uint32_t *columns, const uint32_t *stream, ep_short16_t *job)
{
    short_sums(columns, stream, job, INT16_MIN);
}

void ep_short16_relu(const uint32_t *columns, const uint32_t *stream, ep_short16_t *job)
{
    short_sums(columns, stream, job, 0);
}

void ep_tile16(const uint32_t *columns, const uint32_t *weights, uint32_t pairs, int32_t *acc)
{
    for (; pairs != 0U; pairs--, columns += 3, weights++) {
        for (int32_t p = 0; p < 3; p++) {
            acc[p] = ep_smlad(columns[p], ep_sxtb16(*weights), acc[p]);
            acc[3 + p] = ep_smlad(columns[p], ep_sxtb16_ror8(*weights), acc[3 + p]);
        }
    }
}

void ep_rows16(const int16_t *x, const uint32_t *weights, uint32_t pairs, int32_t *acc)
{
    for (; pairs != 0U; pairs--, x += 2) {
        const uint32_t inputs = ep_load_word(x);
        for (int32_t o = 0; o < 6; o += 2, weights++) {
            acc[o] = ep_smlad(inputs, ep_sxtb16(*weights), acc[o]);
            acc[o + 1] = ep_smlad(inputs, ep_sxtb16_ror8(*weights), acc[o + 1]);
        }
    }
}

#endif
