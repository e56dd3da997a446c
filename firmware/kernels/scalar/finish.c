#include "scalar/finish.h"

#include "scalar/arith.h"

#if defined(__ARM_ARCH_6M__)

/*
 * The arithmetic of ep_high_plus, for one multiplier after another accumulator.
 *
 * Registers: r0 acc, r1 r2 multiplier's halves, r6 exponent, r8 offset, r9 end of acc, r10 rounding, r11 out, r12 step.
 */
static __attribute__((noinline)) void saturated(const int32_t *acc, const int32_t *scale, const int32_t *acc_end,
                                                int8_t *out, uint32_t step)
{
    register const int32_t *r0 __asm__("r0") = acc;
    register const int32_t *r1 __asm__("r1") = scale;
    register const int32_t *r2 __asm__("r2") = acc_end;
    register int8_t *r3 __asm__("r3") = out;
    register uint32_t r4 __asm__("r4") = step;
    __asm__ volatile(
        ".syntax unified\n"
        "push {r7}\n"
        "mov r9, r2\n"
        "mov r11, r3\n"
        "mov r12, r4\n"
        "ldmia r1!, {r2, r3, r6}\n"
        "movs r4, #1\n"
        "lsls r4, r4, #14\n"
        "adds r3, r3, r4\n"
        "mov r8, r3\n"
        "lsls r4, r4, #1\n"
        "movs r3, #3\n"
        "lsls r3, r3, #30\n"
        "adds r3, r3, r4\n"
        "mov r10, r3\n"
        "uxth r1, r2\n"
        "lsrs r2, r2, #16\n"
        "1:\n"
        "ldmia r0!, {r3}\n"
        "asrs r7, r3, #31\n"
        "lsls r3, r3, #1\n"
        "uxth r4, r3\n"
        "asrs r3, r3, #16\n"
        "movs r5, r4\n"
        "muls r5, r1, r5\n"
        "lsrs r5, r5, #16\n"
        "muls r4, r2, r4\n"
        "adds r5, r5, r4\n"
        "movs r4, r3\n"
        "muls r4, r1, r4\n"
        "adds r5, r5, r4\n"
        "add r5, r10\n"
        "asrs r5, r5, #16\n"
        "muls r3, r2, r3\n"
        "adds r3, r3, r5\n"
        "adds r3, r3, r7\n"
        "add r3, r8\n"
        "asrs r3, r6\n"
        "sxtb r5, r3\n"
        "cmp r5, r3\n"
        "bne 3f\n"
        "2:\n"
        "mov r5, r11\n"
        "strb r3, [r5]\n"
        "add r11, r12\n"
        "cmp r0, r9\n"
        "bne 1b\n"
        "b 4f\n"
        "3:\n"
        "asrs r3, r3, #31\n"
        "movs r5, #127\n"
        "eors r3, r5\n"
        "b 2b\n"
        "4:\n"
        "pop {r7}\n"
        : "+l"(r0), "+l"(r1), "+l"(r2), "+l"(r3), "+l"(r4)
        :
        : "r5", "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
}

#else

static inline int32_t saturate8(int32_t x)
{
#if defined(__ARM_FEATURE_SAT)
    int32_t clamped;
    __asm__("ssat %0, #8, %1" : "=r"(clamped) : "r"(x));
    return clamped;
#else
    return ep_limit(x, -128, 127);
#endif
}

static void saturated(const int32_t *acc, const int32_t *scale, const int32_t *acc_end, int8_t *out, uint32_t step)
{
    const ep_scale_t constants = {scale[0], scale[1], scale[2]};
    do {
        *out = (int8_t)saturate8(ep_scale_twice(*acc, constants));
        out += step;
        acc++;
    } while (acc != acc_end);
}

#endif

void ep_finish(const ep_finish_t *finish, const int32_t *scale, const int32_t *acc, uint32_t count, int8_t *out)
{
    const uint32_t step = finish->step;
    saturated(acc, scale, acc + count, out, step);
    if (finish->low > -128 || finish->high < 127) {
        for (; count != 0U; count--, out += step) {
            *out = (int8_t)ep_limit(*out, finish->low, finish->high);
        }
    }
}
