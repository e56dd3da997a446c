#include "scalar/tile.h"

#include "ep_offset.h"
#include "scalar/columns.h"
#include "scalar/scale_twice.h"
#include "ep_frame.h"

/* What the loop over channels reads again for each of them. */
typedef struct {
    int32_t starts[4];
    uint32_t rounds; /* of ROUND_STEPS times four taps */
    uint32_t rest;   /* four taps each, before them */
    uint32_t step;
    const int8_t *out_end;
    const uint32_t *columns;
    uint32_t constant;
} job_t;

#if defined(__thumb__)
EP_OFFSET(job_t, starts, 0);
EP_OFFSET(job_t, rounds, 16);
EP_OFFSET(job_t, rest, 20);
EP_OFFSET(job_t, step, 24);
EP_OFFSET(job_t, out_end, 28);
EP_OFFSET(job_t, columns, 32);
EP_OFFSET(job_t, constant, 36);
#endif

#if defined(__ARM_ARCH_6M__)

#define ROUND_STEPS 4U

/* Registers: r0 columns, r1 stream, r2-r5 words, r6 weight, r7 rounds, r8-r11 sums, r12 EP_ROUNDING, lr out. */
#define TAP(AT)                     \
    "ldmia r0!, {r2, r3, r4, r5}\n" \
    "ldrb r6, [r1, #" AT "]\n"      \
    "muls r2, r6, r2\n"             \
    "muls r3, r6, r3\n"             \
    "muls r4, r6, r4\n"             \
    "muls r5, r6, r5\n"             \
    "add r8, r2\n"                  \
    "add r9, r3\n"                  \
    "add r10, r4\n"                 \
    "add r11, r5\n"

/* Registers: r0 offset, r1 r2 halves of the multiplier, r6 exponent, r8 step. */
#define FINISH(SUM)                 \
    "mov r3, " SUM "\n"             \
    FINISH_R3
#define FINISH_R3                   \
    EP_SCALE_R3("r0", "r12")        \
    "beq 6f\n"                      \
    EP_SATURATE_R3                  \
    "6:\n"                          \
    "mov r5, lr\n"                  \
    "strb r3, [r5]\n"

static __attribute__((noinline)) void all_channels(const job_t *job, const uint32_t *stream, int8_t *out)
{
    register const job_t *r0 __asm__("r0") = job;
    register const uint32_t *r1 __asm__("r1") = stream;
    register int8_t *r2 __asm__("r2") = out;
    __asm__ volatile(
        ".syntax unified\n"
        EP_FRAME_KEEP
        "push {r4-r7, lr}\n"
        EP_FRAME_DOWN(20) EP_FRAME_AT(r4, 0) EP_FRAME_AT(r5, 4) EP_FRAME_AT(r6, 8) EP_FRAME_AT(r7, 12) EP_FRAME_AT(lr, 16)
        "push {r0}\n"
        EP_FRAME_DOWN(4)
        "mov lr, r2\n"
        "ldr r3, [r0, #36]\n"
        "mov r12, r3\n"
        "1:\n"
        "ldr r2, [sp]\n"
        "ldr r0, [r2, #32]\n"
        "ldmia r1!, {r7}\n"
        "ldmia r2!, {r3, r4, r5, r6}\n"
        "adds r3, r3, r7\n"
        "adds r4, r4, r7\n"
        "adds r5, r5, r7\n"
        "adds r6, r6, r7\n"
        "mov r8, r3\n"
        "mov r9, r4\n"
        "mov r10, r5\n"
        "mov r11, r6\n"
        "ldmia r2!, {r6, r7}\n"
        "cmp r7, #0\n"
        "beq 3f\n"
        "2:\n"
        TAP("0") TAP("1") TAP("2") TAP("3")
        "adds r1, #4\n"
        "subs r7, #1\n"
        "bne 2b\n"
        "ldr r6, [sp]\n"
        "ldr r6, [r6, #16]\n"
        "3:\n"
        "movs r7, r6\n"
        "bne 4f\n"
        "b 5f\n"
        "4:\n"
        TAP("0") TAP("1") TAP("2") TAP("3") TAP("4") TAP("5") TAP("6") TAP("7")
        TAP("8") TAP("9") TAP("10") TAP("11") TAP("12") TAP("13") TAP("14") TAP("15")
        "adds r1, #16\n"
        "subs r7, #1\n"
        "beq 5f\n"
        "b 4b\n"
        "5:\n"
        EP_SCALE_LOAD("r0")
        "push {r1}\n"
        EP_FRAME_DOWN(4)
        EP_SCALE_SPLIT
        "mov r3, r8\n"
        "ldr r4, [sp, #4]\n"
        "ldr r4, [r4, #24]\n"
        "mov r8, r4\n"
        FINISH_R3
        "add lr, r8\n"
        FINISH("r9")
        "add lr, r8\n"
        FINISH("r10")
        "add lr, r8\n"
        FINISH("r11")
        "pop {r1}\n"
        EP_FRAME_UP(4)
        "mov r2, r8\n"
        "lsls r3, r2, #1\n"
        "adds r2, r2, r3\n"
        "subs r5, r5, r2\n"
        "adds r5, #1\n"
        "mov lr, r5\n"
        "ldr r2, [sp]\n"
        "ldr r2, [r2, #28]\n"
        "cmp r2, r5\n"
        "beq 7f\n"
        "b 1b\n"
        "7:\n"
        "pop {r0}\n"
        EP_FRAME_UP(4)
        "pop {r4-r7}\n"
        EP_FRAME_UP(16)
        "pop {r3}\n"
        EP_FRAME_UP(4)
        "mov lr, r3\n"
        EP_FRAME_BACK
        : "+l"(r0), "+l"(r1), "+l"(r2)
        :
        : "r3", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
}

static void start(job_t *job, const int32_t sums[EP_COLUMN_PIXELS])
{
    for (uint32_t p = 0; p < EP_COLUMN_PIXELS; p++) {
        job->starts[p] = -128 * sums[p];
    }
    job->constant = EP_ROUNDING;
}

#else

#define ROUND_STEPS 2U

/* The lower lane starts at its middle, so that it never borrows from the upper one. */
static int64_t start_pair(int32_t a, int32_t b)
{
    const int64_t lane = 1LL << EP_LANE_BITS;
    return lane / 2 - 128 * a - lane * 128 * b;
}

static void start(job_t *job, const int32_t sums[EP_COLUMN_PIXELS])
{
    for (uint32_t i = 0; i < 2U; i++) {
        const uint64_t pair = (uint64_t)start_pair(sums[2U * i], sums[2U * i + 1U]);
        job->starts[2U * i] = (int32_t)(uint32_t)pair;
        job->starts[2U * i + 1U] = (int32_t)(uint32_t)(pair >> 32);
    }
    job->constant = (1U << EP_LANE_BITS) + 1U;
}

#if defined(__ARM_ARCH) && defined(__thumb2__)

/* Registers: r0 columns, r1 stream, r2-r5 words, r6 weight, r7 r8 and r9 r10 sums, r11 rounds, r12 out, lr job */
#define TWO_TAPS                    \
    "ldmia r0!, {r2, r3, r4, r5}\n" \
    "ldrb r6, [r1], #1\n"           \
    "smlal r7, r8, r2, r6\n"        \
    "smlal r9, r10, r3, r6\n"       \
    "ldrb r6, [r1], #1\n"           \
    "smlal r7, r8, r4, r6\n"        \
    "smlal r9, r10, r5, r6\n"

#define FINISH(SUM) EP_SCALE_TWICE(SUM, "r9", "r10", "r6", "r7", "r8")

static __attribute__((noinline)) void all_channels(const job_t *job, const uint32_t *stream, int8_t *out)
{
    register const job_t *r0 __asm__("r0") = job;
    register const uint32_t *r1 __asm__("r1") = stream;
    register int8_t *r2 __asm__("r2") = out;
    __asm__ volatile(
        EP_FRAME_KEEP
        "push {r4-r11, lr}\n"
        EP_FRAME_R4_R11_LR
        "mov lr, r0\n"
        "mov r12, r2\n"
        "1:\n"
        "ldr r0, [lr, #32]\n"
        "ldr r6, [r1], #4\n"
        "ldmia lr, {r7, r8, r9, r10}\n"
        "ldr r2, [lr, #36]\n"
        "smlal r7, r8, r6, r2\n"
        "smlal r9, r10, r6, r2\n"
        "ldrd r11, r2, [lr, #16]\n"
        "cbz r2, 2f\n"
        TWO_TAPS TWO_TAPS
        "2:\n"
        "cmp r11, #0\n"
        "beq.w 4f\n"
        "3:\n"
        TWO_TAPS TWO_TAPS TWO_TAPS TWO_TAPS
        "subs r11, #1\n"
        "bne 3b\n"
        "4:\n"
        "ubfx r2, r7, #0, %[bits]\n"
        "lsr r3, r7, %[bits]\n"
        "ubfx r4, r9, #0, %[bits]\n"
        "lsr r5, r9, %[bits]\n"
        "sub r2, r2, %[half]\n"
        "orr r3, r3, r8, lsl #(32 - %c[bits])\n"
        "sub r4, r4, %[half]\n"
        "orr r5, r5, r10, lsl #(32 - %c[bits])\n"
        "ldmia r1!, {r6, r7, r8}\n"
        "ldr r11, [lr, #24]\n"
        FINISH("r2")
        "strb r10, [r12]\n"
        FINISH("r3")
        "strb r10, [r12, r11]\n"
        FINISH("r4")
        "strb r10, [r12, r11, lsl #1]\n"
        FINISH("r5")
        "add r11, r11, r11, lsl #1\n"
        "strb r10, [r12, r11]\n"
        "ldr r2, [lr, #28]\n"
        "add r12, r12, #1\n"
        "cmp r12, r2\n"
        "bne.w 1b\n"
        "pop {r4-r11, lr}\n"
        EP_FRAME_BACK
        : "+r"(r0), "+r"(r1), "+r"(r2)
        : [bits] "i"(EP_LANE_BITS), [half] "i"(1U << (EP_LANE_BITS - 1U))
        : "r3", "r12", "cc", "memory");
}

#else

static int8_t finish(int64_t acc, const uint32_t *scale)
{
    const ep_scale_t constants = {(int32_t)scale[0], (int32_t)scale[1], (int32_t)scale[2]};
    return (int8_t)ep_scale_saturated((int32_t)acc, constants);
}

static void all_channels(const job_t *job, const uint32_t *stream, int8_t *out)
{
    const int64_t lane = 1LL << EP_LANE_BITS;
    const uint32_t steps = ROUND_STEPS * job->rounds + job->rest;
    for (; out != job->out_end; out++) {
        const uint8_t *const weights = (const uint8_t *)(stream + 1);
        const uint32_t *const scale = stream + 1U + steps;
        for (uint32_t i = 0; i < 2U; i++) {
            const uint64_t from = (uint32_t)job->starts[2U * i] | (uint64_t)(uint32_t)job->starts[2U * i + 1U] << 32;
            int64_t pair = (int64_t)from + (int32_t)stream[0] * (int64_t)job->constant;
            for (uint32_t tap = 0; tap < 4U * steps; tap++) {
                pair += (int64_t)(int32_t)job->columns[EP_COLUMN_WORDS * tap + i] * weights[tap];
            }
            out[2U * i * job->step] = finish((pair & (lane - 1)) - lane / 2, scale);
            out[(2U * i + 1U) * job->step] = finish(pair >> EP_LANE_BITS, scale);
        }
        stream = scale + 3;
    }
}

#endif
#endif

void ep_tile_scalar(const uint32_t *columns, const int32_t sums[4], const uint32_t *stream, uint32_t steps,
                    uint32_t channels, uint32_t step, int8_t *out)
{
    job_t job = {
        .rounds = steps / ROUND_STEPS,
        .rest = steps % ROUND_STEPS,
        .step = step,
        .out_end = out + channels,
        .columns = columns,
    };
    start(&job, sums);
    all_channels(&job, stream, out);
}
