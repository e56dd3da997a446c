/*
 * Sums of four pairs of channels over one input vector (scalar/dense.h).
 *
 *   ep_pair_runs   for each of `runs` runs of `run` inputs, and each pair: S = 2^15 + sum_i input[i] * words[i][pair],
 *                  total += S, high += S >> 16. Returns what stands behind the words.
 *   inputs         int8 [runs * run]
 *   words          2^16 * weight[b] + weight[a]   [runs * run][4]
 *   sums           [4]
 */
#ifndef EP_SCALAR_PAIRS_H
#define EP_SCALAR_PAIRS_H

#include <stdint.h>

#include "ep_offset.h"
#include "ep_frame.h"

#define EP_PAIRS 4U

typedef struct {
    uint32_t total;
    int32_t high;
} ep_pair_t;

EP_OFFSET(ep_pair_t, total, 0);
EP_OFFSET(ep_pair_t, high, 4);

#if defined(__ARM_ARCH_6M__)

/* Registers: r0 end of the run's inputs, r7 the negative place before it, r8-r11 S, r12 sums. On the stack: -run,
 * runs, r7, which compilers keep for themselves. */
#define EP_PAIR_TAP                 \
    "ldmia r1!, {r2, r3, r4, r5}\n" \
    "ldrsb r6, [r0, r7]\n"          \
    "muls r2, r6, r2\n"             \
    "muls r3, r6, r3\n"             \
    "muls r4, r6, r4\n"             \
    "muls r5, r6, r5\n"             \
    "adds r7, #1\n"                 \
    "add r8, r2\n"                  \
    "add r9, r3\n"                  \
    "add r10, r4\n"                 \
    "add r11, r5\n"

#define EP_PAIR_SPLIT(S, TOTAL, HIGH)       \
    "mov r7, " S "\n"                       \
    "adds " TOTAL ", " TOTAL ", r7\n"       \
    "asrs r7, r7, #16\n"                    \
    "adds " HIGH ", " HIGH ", r7\n"
#define EP_PAIR_SPLIT_TWO(S, T)             \
    "ldmia r6!, {r2, r3, r4, r5}\n"         \
    EP_PAIR_SPLIT(S, "r2", "r3")            \
    EP_PAIR_SPLIT(T, "r4", "r5")            \
    "subs r6, #16\n"                        \
    "stmia r6!, {r2, r3, r4, r5}\n"

static inline const uint32_t *ep_pair_runs(const int8_t *inputs, const uint32_t *words, uint32_t run, uint32_t runs,
                                           ep_pair_t sums[EP_PAIRS])
{
    register const int8_t *r0 __asm__("r0") = inputs;
    register const uint32_t *r1 __asm__("r1") = words;
    register uint32_t r2 __asm__("r2") = run;
    register uint32_t r3 __asm__("r3") = runs;
    register ep_pair_t *r4 __asm__("r4") = sums;
    __asm__ volatile(
        ".syntax unified\n"
        "mov r12, r4\n"
        "rsbs r2, r2, #0\n"
        EP_FRAME_KEEP
        "push {r2, r3, r7}\n"
        EP_FRAME_DOWN(12) EP_FRAME_AT(r7, 8)
        "1:\n"
        "ldr r7, [sp]\n"
        "subs r0, r0, r7\n"
        "movs r2, #1\n"
        "lsls r2, r2, #15\n"
        "mov r8, r2\n"
        "mov r9, r2\n"
        "mov r10, r2\n"
        "mov r11, r2\n"
        "2:\n"
        EP_PAIR_TAP EP_PAIR_TAP EP_PAIR_TAP EP_PAIR_TAP
        "bne 2b\n"
        "mov r6, r12\n"
        EP_PAIR_SPLIT_TWO("r8", "r9")
        EP_PAIR_SPLIT_TWO("r10", "r11")
        "ldr r2, [sp, #4]\n"
        "subs r2, #1\n"
        "str r2, [sp, #4]\n"
        "bne 1b\n"
        "add sp, #8\n"
        EP_FRAME_UP(8)
        "pop {r7}\n"
        EP_FRAME_BACK
        : "+l"(r0), "+l"(r1), "+l"(r2), "+l"(r3), "+l"(r4)
        :
        : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
    return r1;
}

#elif defined(__ARM_ARCH) && defined(__thumb2__)

/* Registers: r2-r5 words, r6 an input, r8-r11 S. */
#define EP_PAIR_TAP                         \
    "ldrsb r6, [%[inputs]], #1\n"           \
    "ldmia %[words]!, {r2, r3, r4, r5}\n"   \
    "mla r8, r2, r6, r8\n"                  \
    "mla r9, r3, r6, r9\n"                  \
    "mla r10, r4, r6, r10\n"                  \
    "mla r11, r5, r6, r11\n"

#define EP_PAIR_SPLIT(S)                    \
    "ldrd r2, r3, [%[sums]]\n"              \
    "add r2, r2, " S "\n"                   \
    "add r3, r3, " S ", asr #16\n"          \
    "strd r2, r3, [%[sums]], #8\n"

static inline const uint32_t *ep_pair_runs(const int8_t *inputs, const uint32_t *words, uint32_t run, uint32_t runs,
                                           ep_pair_t sums[EP_PAIRS])
{
    for (; runs != 0U; runs--) {
        ep_pair_t *at = sums;
        uint32_t rounds = run / 4U;
        __asm__ volatile(
            "mov r8, #0x8000\n"
            "mov r9, r8\n"
            "mov r10, r8\n"
            "mov r11, r8\n"
            "1:\n"
            EP_PAIR_TAP EP_PAIR_TAP EP_PAIR_TAP EP_PAIR_TAP
            "subs %[rounds], #1\n"
            "bne 1b\n"
            EP_PAIR_SPLIT("r8")
            EP_PAIR_SPLIT("r9")
            EP_PAIR_SPLIT("r10")
            EP_PAIR_SPLIT("r11")
            : [inputs] "+r"(inputs), [words] "+r"(words), [sums] "+r"(at), [rounds] "+r"(rounds)
            :
            : "r2", "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "cc", "memory");
    }
    return words;
}

#else

static inline const uint32_t *ep_pair_runs(const int8_t *inputs, const uint32_t *words, uint32_t run, uint32_t runs,
                                           ep_pair_t sums[EP_PAIRS])
{
    for (; runs != 0U; runs--, inputs += run, words += EP_PAIRS * run) {
        for (uint32_t pair = 0; pair < EP_PAIRS; pair++) {
            uint32_t s = 1U << 15;
            for (uint32_t i = 0; i < run; i++) {
                s += (uint32_t)inputs[i] * words[EP_PAIRS * i + pair];
            }
            sums[pair].total += s;
            sums[pair].high += (int32_t)s >> 16;
        }
    }
    return words;
}

#endif
#endif
