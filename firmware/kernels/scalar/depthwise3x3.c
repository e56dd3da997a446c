#include "scalar/depthwise3x3.h"

#include <string.h>

#include "scalar/finish.h"
#include "ep_frame.h"

#define TAPS 9U
#define CONSTANTS 4U

/* `rows` rows of the plane, from the image's row `first` on. */
static void load_plane(const ep_depthwise_scalar_t *layer, const int8_t *in, int32_t first, uint32_t rows,
                       uint8_t *plane)
{
    const uint32_t width = layer->plane_row;
    const uint32_t step = layer->in_step;
    (void)memset(plane, layer->in_zero + 128, rows * width);
    plane += layer->pad_before;
    for (const int32_t end = first + (int32_t)rows; first != end; first++, plane += width) {
        if (first < 0 || first >= layer->in_rows) {
            continue;
        }
        const int8_t *from = in + (uint32_t)first * layer->in_row_step;
        uint8_t *to = plane;
        for (const uint8_t *const last = plane + layer->in_length; to != last; to++, from += step) {
            *to = (uint8_t)(*from + 128);
        }
    }
}

/*
 * Sums of a row of outputs, two at a time: a last one alone takes along a neighbour whose sums are unused.
 *
 * Registers of ARMv6-M: r0 plane, r1 weights, r2-r4 three of them, r6 r7 sums, r8 width, r9 2 * width - step, r10 bias,
 * r11 acc, r12 its end.
 */
#if defined(__ARM_ARCH_6M__)

#define PRODUCT(SUM, WEIGHT, AT)        \
    "ldrb r5, [r0, #" AT "]\n"          \
    "muls r5, " WEIGHT ", r5\n"         \
    "adds " SUM ", " SUM ", r5\n"
#define ROW(B0, B1, B2)                 \
    "ldmia r1!, {r2, r3, r4}\n"         \
    PRODUCT("r6", "r2", "0") PRODUCT("r6", "r3", "1") PRODUCT("r6", "r4", "2") \
    PRODUCT("r7", "r2", B0) PRODUCT("r7", "r3", B1) PRODUCT("r7", "r4", B2)
#define SUM_ROW(NAME, B0, B1, B2)                                                                                    \
    static __attribute__((noinline)) void NAME(const uint8_t *plane, const int32_t *weights, const int32_t *acc_end, \
                                               int32_t *acc, uint32_t width, int32_t bias)                           \
    {                                                                                                                \
        register const uint8_t *r0 __asm__("r0") = plane;                                                            \
        register const int32_t *r1 __asm__("r1") = weights;                                                          \
        register const int32_t *r2 __asm__("r2") = acc_end;                                                          \
        register int32_t *r3 __asm__("r3") = acc;                                                                    \
        register uint32_t r4 __asm__("r4") = width;                                                                  \
        register int32_t r5 __asm__("r5") = bias;                                                                    \
        __asm__ volatile(                                                                                            \
            ".syntax unified\n"                                                                                      \
            EP_FRAME_KEEP                                                                                            \
            "push {r7}\n"                                                                                            \
            EP_FRAME_DOWN(4) EP_FRAME_AT(r7, 0)                                                                      \
            "mov r8, r4\n"                                                                                           \
            "lsls r4, r4, #1\n"                                                                                      \
            "subs r4, #2 * " B0 "\n"                                                                                 \
            "mov r9, r4\n"                                                                                           \
            "mov r10, r5\n"                                                                                          \
            "mov r11, r3\n"                                                                                          \
            "mov r12, r2\n"                                                                                          \
            "1:\n"                                                                                                   \
            "mov r6, r10\n"                                                                                          \
            "mov r7, r10\n"                                                                                          \
            ROW(B0, B1, B2)                                                                                          \
            "add r0, r8\n"                                                                                           \
            ROW(B0, B1, B2)                                                                                          \
            "add r0, r8\n"                                                                                           \
            ROW(B0, B1, B2)                                                                                          \
            "subs r1, #36\n"                                                                                         \
            "mov r5, r9\n"                                                                                           \
            "subs r0, r0, r5\n"                                                                                      \
            "mov r5, r11\n"                                                                                          \
            "stmia r5!, {r6, r7}\n"                                                                                  \
            "mov r11, r5\n"                                                                                          \
            "cmp r5, r12\n"                                                                                          \
            "blo 1b\n"                                                                                               \
            "pop {r7}\n"                                                                                             \
            EP_FRAME_BACK                                                                                            \
            : "+l"(r0), "+l"(r1), "+l"(r2), "+l"(r3), "+l"(r4), "+l"(r5)                                             \
            :                                                                                                        \
            : "r6", "r8", "r9", "r10", "r11", "r12", "cc", "memory");                                                \
    }

SUM_ROW(sum_row_stride1, "1", "2", "3")
SUM_ROW(sum_row_stride2, "2", "3", "4")

#elif defined(__ARM_ARCH) && defined(__thumb2__)

#define FIRST(PLANE, STEP, A, B)            \
    "ldmia %[weights]!, {r4, r5, r6}\n"     \
    "ldrb r8, [" PLANE "], #2 * " STEP "\n" \
    "mla %[a], r8, r4, " A "\n"
#define SHARED(PLANE, AT, FOR_A, FOR_B, B)  \
    "ldrb r8, [" PLANE ", #" AT "]\n"       \
    "mla %[a], r8, " FOR_A ", %[a]\n"       \
    "mla %[b], r8, " FOR_B ", " B "\n"
#define ALONE(PLANE, AT, SUM, WEIGHT, FROM) \
    "ldrb r8, [" PLANE ", #" AT "]\n"       \
    "mla " SUM ", r8, " WEIGHT ", " FROM "\n"

/* Behind the first load the row's pointer stands two outputs further. */
#define ROW1(PLANE, A, B)                   \
    FIRST(PLANE, "1", A, B)                 \
    SHARED(PLANE, "-1", "r5", "r4", B)      \
    SHARED(PLANE, "0", "r6", "r5", "%[b]")  \
    ALONE(PLANE, "1", "%[b]", "r6", "%[b]")
#define ROW2(PLANE, A, B)                   \
    FIRST(PLANE, "2", A, B)                 \
    ALONE(PLANE, "-3", "%[a]", "r5", "%[a]") \
    SHARED(PLANE, "-2", "r6", "r4", B)      \
    ALONE(PLANE, "-1", "%[b]", "r5", "%[b]") \
    ALONE(PLANE, "0", "%[b]", "r6", "%[b]")
#define SUM_ROW(NAME, ROW)                                                                                           \
    static __attribute__((noinline)) void NAME(const uint8_t *plane, const int32_t *weights, const int32_t *acc_end, \
                                               int32_t *acc, uint32_t width, int32_t bias)                           \
    {                                                                                                                \
        const uint8_t *second = plane + width;                                                                       \
        const uint8_t *third = second + width;                                                                       \
        int32_t a;                                                                                                   \
        int32_t b;                                                                                                   \
        __asm__ volatile(                                                                                            \
            "1:\n"                                                                                                   \
            ROW("%[first]", "%[bias]", "%[bias]")                                                                    \
            ROW("%[second]", "%[a]", "%[b]")                                                                         \
            ROW("%[third]", "%[a]", "%[b]")                                                                          \
            "sub %[weights], #36\n"                                                                                  \
            "strd %[a], %[b], [%[acc]], #8\n"                                                                        \
            "cmp %[acc], %[end]\n"                                                                                   \
            "blo 1b\n"                                                                                               \
            : [first] "+r"(plane), [second] "+r"(second), [third] "+r"(third), [weights] "+r"(weights),              \
              [acc] "+r"(acc), [a] "=&r"(a), [b] "=&r"(b)                                                            \
            : [end] "r"(acc_end), [bias] "r"(bias)                                                                   \
            : "r4", "r5", "r6", "r8", "cc", "memory");                                                               \
    }

SUM_ROW(sum_row_stride1, ROW1)
SUM_ROW(sum_row_stride2, ROW2)

#else

static inline void sum_row(const uint8_t *plane, const int32_t *weights, const int32_t *acc_end, int32_t *acc,
                           uint32_t width, int32_t bias, uint32_t stride)
{
    for (; acc != acc_end; acc++, plane += stride) {
        int32_t sum = bias;
        for (uint32_t tap = 0; tap < TAPS; tap++) {
            sum += plane[tap / 3U * width + tap % 3U] * weights[tap];
        }
        *acc = sum;
    }
}

static void sum_row_stride1(const uint8_t *plane, const int32_t *weights, const int32_t *acc_end, int32_t *acc,
                            uint32_t width, int32_t bias)
{
    sum_row(plane, weights, acc_end, acc, width, bias, 1);
}

static void sum_row_stride2(const uint8_t *plane, const int32_t *weights, const int32_t *acc_end, int32_t *acc,
                            uint32_t width, int32_t bias)
{
    sum_row(plane, weights, acc_end, acc, width, bias, 2);
}

#endif

void ep_depthwise_scalar(const ep_depthwise_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    const uint32_t length = layer->out_length;
    const uint32_t width = layer->plane_row;
    const uint32_t stride = layer->stride;
    const ep_finish_t finish = {layer->out_min, layer->out_max, layer->out_step};
    int32_t *const acc = scratch;
    uint8_t *const plane = (uint8_t *)(acc + length + length % 2U);
    const int32_t *constants = layer->constants;
    const int8_t *weights = layer->weights;
    for (uint32_t c = 0; c < layer->channels; c++, constants += CONSTANTS, weights += TAPS) {
        int32_t wide[TAPS];
        for (uint32_t tap = 0; tap < TAPS; tap++) {
            wide[tap] = weights[tap];
        }
        int8_t *to = out + c;
        for (uint32_t y = 0; y < layer->out_rows; y += layer->band_rows) {
            const uint32_t left = layer->out_rows - y;
            const uint32_t rows = left < layer->band_rows ? left : layer->band_rows;
            const uint8_t *from = plane;
            load_plane(layer, in + c, (int32_t)(y * stride) - layer->pad_rows_before, (rows - 1U) * stride + 3U, plane);
            for (uint32_t row = 0; row < rows; row++, from += stride * width, to += layer->out_row_step) {
                (stride == 1U ? sum_row_stride1 : sum_row_stride2)(from, wide, acc + length, acc, width, constants[0]);
                ep_finish(&finish, constants + 1, acc, length, to);
            }
        }
    }
}
