/*
 * ep_scale_twice (scalar/arith.h), saturated to int8: the one text of it for the loops in assembler and in C.
 *
 *   ARMv6-M   EP_SCALE_LOAD(OFFSET) takes multiplier, offset and exponent from r1 on; r1 ends behind them, for the caller
 *             to save. EP_SCALE_SPLIT then makes r1 r2 the multiplier's halves. EP_SCALE_R3(OFFSET, ROUNDING) scales r3;
 *             "equal" is left in the flags where it fits int8, else EP_SATURATE_R3 saturates it.
 *             r6 exponent, ROUNDING a high register that holds EP_ROUNDING; r4 r5 r7 are lost
 *   ARMv7-M   EP_SCALE_TWICE(SUM, LOW, HIGH, MULTIPLIER, OFFSET, EXPONENT) leaves the result in HIGH; SUM, LOW are lost
 *   all but ARMv6-M  ep_scale_saturated(acc, s)
 */
#ifndef EP_SCALAR_SCALE_TWICE_H
#define EP_SCALAR_SCALE_TWICE_H

#include "scalar/arith.h"

#if defined(__ARM_ARCH_6M__)

#define EP_ROUNDING 0xC0008000U /* 2^15 - 2^30: see ep_high_plus, whose 2^14 is added to the offset */

#define EP_SCALE_LOAD(OFFSET)       \
    "ldmia r1!, {r2, r3, r6}\n"     \
    "movs r4, #1\n"                 \
    "lsls r4, r4, #14\n"            \
    "adds " OFFSET ", r3, r4\n"

#define EP_SCALE_SPLIT              \
    "uxth r1, r2\n"                 \
    "lsrs r2, r2, #16\n"

#define EP_SCALE_R3(OFFSET, ROUNDING) \
    "asrs r7, r3, #31\n"            \
    "lsls r3, r3, #1\n"             \
    "uxth r4, r3\n"                 \
    "asrs r3, r3, #16\n"            \
    "movs r5, r4\n"                 \
    "muls r5, r1, r5\n"             \
    "lsrs r5, r5, #16\n"            \
    "muls r4, r2, r4\n"             \
    "adds r5, r5, r4\n"             \
    "movs r4, r3\n"                 \
    "muls r4, r1, r4\n"             \
    "adds r5, r5, r4\n"             \
    "add r5, " ROUNDING "\n"        \
    "asrs r5, r5, #16\n"            \
    "muls r3, r2, r3\n"             \
    "adds r3, r3, r5\n"             \
    "adds r3, r3, r7\n"             \
    "add r3, " OFFSET "\n"          \
    "asrs r3, r6\n"                 \
    "sxtb r5, r3\n"                 \
    "cmp r5, r3\n"

#define EP_SATURATE_R3              \
    "asrs r3, r3, #31\n"            \
    "movs r5, #127\n"               \
    "eors r3, r5\n"

#elif defined(__ARM_ARCH) && defined(__thumb2__)

#define EP_SCALE_TWICE(SUM, LOW, HIGH, MULTIPLIER, OFFSET, EXPONENT) \
    "mov " LOW ", #0x80000000\n"                                     \
    "add " HIGH ", " OFFSET ", " SUM ", asr #31\n"                   \
    "lsl " SUM ", " SUM ", #1\n"                                     \
    "smlal " LOW ", " HIGH ", " SUM ", " MULTIPLIER "\n"             \
    "asr " HIGH ", " HIGH ", " EXPONENT "\n"                         \
    "ssat " HIGH ", #8, " HIGH "\n"

static inline int32_t ep_scale_saturated(int32_t acc, ep_scale_t s)
{
    int32_t low, high;
    __asm__(EP_SCALE_TWICE("%[acc]", "%[low]", "%[high]", "%[multiplier]", "%[offset]", "%[exponent]")
            : [acc] "+r"(acc), [low] "=&r"(low), [high] "=&r"(high)
            : [multiplier] "r"(s.multiplier), [offset] "r"(s.offset), [exponent] "r"(s.exponent));
    return high;
}

#else

static inline int32_t ep_scale_saturated(int32_t acc, ep_scale_t s)
{
    return ep_limit(ep_scale_twice(acc, s), -128, 127);
}

#endif
#endif
