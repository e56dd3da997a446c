#include "scalar/finish.h"

#include "scalar/scale_twice.h"
#include "ep_frame.h"

#if defined(__ARM_ARCH_6M__)

/* Registers: r0 acc, r1 r2 multiplier's halves, r6 exponent, r8 offset, r9 end of acc, r10 rounding, r11 out, r12 step. */
static __attribute__((noinline)) void saturated(const int32_t *acc, const int32_t *scale, const int32_t *acc_end,
                                                int8_t *out, uint32_t step)
{
    register const int32_t *r0 __asm__("r0") = acc;
    register const int32_t *r1 __asm__("r1") = scale;
    register const int32_t *r2 __asm__("r2") = acc_end;
    register int8_t *r3 __asm__("r3") = out;
    register uint32_t r4 __asm__("r4") = step;
    register uint32_t r5 __asm__("r5") = EP_ROUNDING;
    __asm__ volatile(
        ".syntax unified\n"
        EP_FRAME_KEEP
        "push {r7}\n"
        EP_FRAME_DOWN(4) EP_FRAME_AT(r7, 0)
        "mov r9, r2\n"
        "mov r10, r5\n"
        "mov r11, r3\n"
        "mov r12, r4\n"
        EP_SCALE_LOAD("r3")
        "mov r8, r3\n"
        EP_SCALE_SPLIT
        "1:\n"
        "ldmia r0!, {r3}\n"
        EP_SCALE_R3("r8", "r10")
        "bne 3f\n"
        "2:\n"
        "mov r5, r11\n"
        "strb r3, [r5]\n"
        "add r11, r12\n"
        "cmp r0, r9\n"
        "bne 1b\n"
        "b 4f\n"
        "3:\n"
        EP_SATURATE_R3
        "b 2b\n"
        "4:\n"
        "pop {r7}\n"
        EP_FRAME_BACK
        : "+l"(r0), "+l"(r1), "+l"(r2), "+l"(r3), "+l"(r4), "+l"(r5)
        :
        : "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
}

#else

static void saturated(const int32_t *acc, const int32_t *scale, const int32_t *acc_end, int8_t *out, uint32_t step)
{
    const ep_scale_t constants = {scale[0], scale[1], scale[2]};
    do {
        *out = (int8_t)ep_scale_saturated(*acc, constants);
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
