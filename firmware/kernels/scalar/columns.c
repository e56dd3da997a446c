#include "scalar/columns.h"
#include "ep_frame.h"

#if defined(__ARM_ARCH_6M__)

/*
 * An even number of taps of two neighbouring pixels.
 * Registers: r0 in, r1 its end, r2 step, r3 columns, r4 zero, r5 r6 values, r8 r9 sums.
 */
static __attribute__((noinline)) void two_pixels(const int8_t *in, const int8_t *end, uint32_t step, uint32_t *columns,
                                                 int32_t sums[2])
{
    register const int8_t *r0 __asm__("r0") = in;
    register const int8_t *r1 __asm__("r1") = end;
    register uint32_t r2 __asm__("r2") = step;
    register uint32_t *r3 __asm__("r3") = columns;
    register int32_t *r4 __asm__("r4") = sums;
    __asm__ volatile(
        ".syntax unified\n"
        EP_FRAME_KEEP
        "push {r4}\n"
        EP_FRAME_DOWN(4) EP_FRAME_AT(r4, 0)
        "ldmia r4!, {r5, r6}\n"
        "mov r8, r5\n"
        "mov r9, r6\n"
        "movs r4, #0\n"
        "1:\n"
        ".rept 2\n"
        "ldrsb r5, [r0, r4]\n"
        "ldrsb r6, [r0, r2]\n"
        "adds r0, #1\n"
        "stmia r3!, {r5, r6}\n"
        "adds r3, #8\n"
        "add r8, r5\n"
        "add r9, r6\n"
        ".endr\n"
        "cmp r0, r1\n"
        "bne 1b\n"
        "pop {r4}\n"
        EP_FRAME_BACK
        "mov r5, r8\n"
        "mov r6, r9\n"
        "stmia r4!, {r5, r6}\n"
        : "+l"(r0), "+l"(r1), "+l"(r2), "+l"(r3), "+l"(r4)
        :
        : "r5", "r6", "r8", "r9", "cc", "memory");
}

uint32_t *ep_put_four(const int8_t *in, const int8_t *end, uint32_t step, uint32_t *columns,
                      int32_t sums[EP_COLUMN_PIXELS])
{
    if ((end - in) % 2 != 0) {
        for (uint32_t p = 0; p < EP_COLUMN_PIXELS; p++) {
            columns[p] = (uint32_t)(int32_t)in[p * step];
            sums[p] += in[p * step];
        }
        in++;
        columns += EP_COLUMN_WORDS;
    }
    if (in != end) {
        two_pixels(in, end, step, columns, sums);
        two_pixels(in + 2U * step, end + 2U * step, step, columns + 2, sums + 2);
    }
    return columns + EP_COLUMN_WORDS * (uint32_t)(end - in);
}

/* Registers: r2 zero, r4 values. */
int32_t ep_put_one(const int8_t *in, uint32_t taps, uint32_t p, uint32_t *columns)
{
    const int8_t *const end = in + taps;
    int32_t sum = 0;
    columns += p;
    if (taps % 2U != 0U) {
        sum = *in++;
        *columns = (uint32_t)sum;
        columns += EP_COLUMN_WORDS;
    }
    if (in != end) {
        __asm__ volatile(
            ".syntax unified\n"
            "movs r2, #0\n"
            "1:\n"
            "ldrsb r4, [%[in], r2]\n"
            "adds %[in], #1\n"
            "str r4, [%[columns]]\n"
            "adds %[sum], %[sum], r4\n"
            "ldrsb r4, [%[in], r2]\n"
            "adds %[in], #1\n"
            "str r4, [%[columns], #16]\n"
            "adds %[sum], %[sum], r4\n"
            "adds %[columns], #32\n"
            "cmp %[in], %[end]\n"
            "bne 1b\n"
            : [in] "+l"(in), [columns] "+l"(columns), [sum] "+l"(sum)
            : [end] "l"(end)
            : "r2", "r4", "cc", "memory");
    }
    return sum;
}

void ep_put_same(int32_t value, uint32_t taps, uint32_t p, uint32_t *columns)
{
    columns += p;
    for (; taps != 0U; taps--, columns += EP_COLUMN_WORDS) {
        *columns = (uint32_t)value;
    }
}

#else

uint32_t *ep_put_four(const int8_t *in, const int8_t *end, uint32_t step, uint32_t *columns,
                          int32_t sums[EP_COLUMN_PIXELS])
{
    const int8_t *const second = in + step;
    const int8_t *const third = second + step;
    const int8_t *const fourth = third + step;
    const uint32_t taps = (uint32_t)(end - in);
    int32_t sum0 = sums[0];
    int32_t sum1 = sums[1];
    int32_t sum2 = sums[2];
    int32_t sum3 = sums[3];
    for (uint32_t i = 0; i < taps; i++) {
        const int32_t a = in[i];
        const int32_t b = second[i];
        const int32_t c = third[i];
        const int32_t d = fourth[i];
        columns[0] = (uint32_t)a + ((uint32_t)b << EP_LANE_BITS);
        columns[1] = (uint32_t)c + ((uint32_t)d << EP_LANE_BITS);
        columns += EP_COLUMN_WORDS;
        sum0 += a;
        sum1 += b;
        sum2 += c;
        sum3 += d;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return columns;
}

int32_t ep_put_one(const int8_t *in, uint32_t taps, uint32_t p, uint32_t *columns)
{
    const int8_t *const end = in + taps;
    int32_t sum = 0;
    columns += p / 2U;
    if (p % 2U == 0U) {
        for (; in != end; in++, columns += EP_COLUMN_WORDS) {
            const int32_t value = *in;
            *columns = (uint32_t)value;
            sum += value;
        }
    } else {
        for (; in != end; in++, columns += EP_COLUMN_WORDS) {
            const int32_t value = *in;
            *columns += (uint32_t)value << EP_LANE_BITS;
            sum += value;
        }
    }
    return sum;
}

void ep_put_same(int32_t value, uint32_t taps, uint32_t p, uint32_t *columns)
{
    columns += p / 2U;
    for (; taps != 0U; taps--, columns += EP_COLUMN_WORDS) {
        *columns = p % 2U == 0U ? (uint32_t)value : *columns + ((uint32_t)value << EP_LANE_BITS);
    }
}

#endif
