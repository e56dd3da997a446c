#include "mve/tile.h"

#include "ep_offset.h"
#include "ep_frame.h"

EP_OFFSET(ep_mve_tile_job_t, column_a, 0);
EP_OFFSET(ep_mve_tile_job_t, column_b, 4);
EP_OFFSET(ep_mve_tile_job_t, out_a, 8);
EP_OFFSET(ep_mve_tile_job_t, out_b, 12);
EP_OFFSET(ep_mve_tile_job_t, steps, 16);
EP_OFFSET(ep_mve_tile_job_t, tail, 20);
EP_OFFSET(ep_mve_tile_job_t, groups, 24);
EP_OFFSET(ep_mve_tile_job_t, out_zero, 28);
EP_OFFSET(ep_mve_tile_job_t, out_min, 32);
EP_OFFSET(ep_mve_tile_job_t, out_max, 36);

/*
 * Registers: sums, which must be in even ones, r0 r2 r4 r6 of pixel a, r8 r10 r12 lr of pixel b; r1 r3 the
 * columns, r5 stream, r7 steps left, r9 tail, r11 job; q0 q3 weights, q1 q2 inputs.
 */
#define TWO_SUMS(WEIGHTS, A, B)                     \
    "vmladava.s8 " A ", " WEIGHTS ", q1\n"          \
    "vmladava.s8 " B ", " WEIGHTS ", q2\n"

#define NEXT_SUMS(WEIGHTS, A, B)                    \
    "vldrb.u8 " WEIGHTS ", [r5], #16\n"             \
    TWO_SUMS(WEIGHTS, A, B)

/* Two channels' weights, at r5 and r7. */
#define TAIL_SUMS(A, B, C, D)                       \
    "vpstt\n"                                       \
    "vldrbt.u8 q0, [r5]\n"                          \
    "vldrbt.u8 q3, [r7]\n"                          \
    TWO_SUMS("q0", A, B)                            \
    TWO_SUMS("q3", C, D)

#define SUMS                                        \
    "push {r4-r11, lr}\n"                           \
    EP_FRAME_R4_R11_LR                              \
    "mov r11, r0\n"                                 \
    "mov r5, r1\n"                                  \
    "ldr r9, [r11, #20]\n"                          \
    "1:\n"                                          \
    "ldrd r1, r3, [r11]\n"                          \
    "ldr r7, [r11, #16]\n"                          \
    "ldm r5, {r8, r10, r12, lr}\n"                  \
    "ldm r5!, {r0, r2, r4, r6}\n"                   \
    "cbz r7, 3f\n"                                  \
    "2:\n"                                          \
    "vldrb.u8 q1, [r1], #16\n"                      \
    "vldrb.u8 q0, [r5], #16\n"                      \
    "vldrb.u8 q2, [r3], #16\n"                      \
    TWO_SUMS("q0", "r0", "r8")                      \
    NEXT_SUMS("q3", "r2", "r10")                    \
    NEXT_SUMS("q0", "r4", "r12")                    \
    NEXT_SUMS("q3", "r6", "lr")                     \
    "subs r7, r7, #1\n"                             \
    "bne 2b\n"                                      \
    "3:\n"                                          \
    "cmp r9, #0\n"                                  \
    "beq 4f\n"                                      \
    "vctp.8 r9\n"                                   \
    "vldrb.u8 q1, [r1]\n"                           \
    "vldrb.u8 q2, [r3]\n"                           \
    "add r7, r5, r9\n"                              \
    TAIL_SUMS("r0", "r8", "r2", "r10")              \
    "add r5, r7, r9\n"                              \
    "add r7, r5, r9\n"                              \
    TAIL_SUMS("r4", "r12", "r6", "lr")              \
    "add r5, r7, r9\n"                              \
    "4:\n"                                          \
    "vmov q0[2], q0[0], r0, r4\n"                   \
    "vmov q0[3], q0[1], r2, r6\n"                   \
    "vmov q1[2], q1[0], r8, r12\n"                  \
    "vmov q1[3], q1[1], r10, lr\n"                  \
    "vldrw.u32 q2, [r5], #16\n"                     \
    "vldrw.u32 q3, [r5], #16\n"

#define SCALED(MULTIPLY)                            \
    MULTIPLY " q0, q0, q2\n"                        \
    MULTIPLY " q1, q1, q2\n"

#define AWAY_FROM_ZERO                              \
    "vshr.s32 q2, q0, #31\n"                        \
    "vadd.i32 q0, q0, q2\n"                         \
    "vshr.s32 q2, q1, #31\n"                        \
    "vadd.i32 q1, q1, q2\n"

/* As halfwords, a's at even places. */
#define SHIFTED                                     \
    "vrshl.s32 q0, q0, q3\n"                        \
    "vrshl.s32 q1, q1, q3\n"                        \
    "vqmovnb.s32 q0, q0\n"                          \
    "vqmovnt.s32 q0, q1\n"                          \
    "ldr r0, [r11, #28]\n"                          \
    "vqadd.s16 q0, q0, r0\n"

#define CLAMPED                                     \
    "ldrd r0, r2, [r11, #32]\n"                     \
    "vdup.16 q2, r0\n"                              \
    "vdup.16 q3, r2\n"                              \
    "vmax.s16 q0, q0, q2\n"                         \
    "vmin.s16 q0, q0, q3\n"

#define STORED                                      \
    "ldrd r2, r4, [r11, #8]\n"                      \
    "vqmovnb.s16 q0, q0\n"                          \
    "vstrb.32 q0, [r2], #4\n"                       \
    "vshr.u32 q0, q0, #16\n"                        \
    "vstrb.32 q0, [r4], #4\n"                       \
    "strd r2, r4, [r11, #8]\n"                      \
    "ldr r0, [r11, #24]\n"                          \
    "subs r0, r0, #1\n"                             \
    "str r0, [r11, #24]\n"                          \
    "bne 1b\n"                                      \
    "mov r0, r5\n"                                  \
    "pop {r4-r11, pc}\n"

#define TILE(NAME, FINISH)                                                                                             \
    __attribute__((naked)) const int32_t *NAME(__attribute__((unused)) ep_mve_tile_job_t *job,                         \
                                               __attribute__((unused)) const int32_t *stream)                          \
    {                                                                                                                  \
        __asm__ volatile(SUMS FINISH STORED);                                                                          \
    }

TILE(ep_mve_tile_positive, SCALED("vqrdmulh.s32") SHIFTED)
TILE(ep_mve_tile_signed, SCALED("vqrdmulh.s32") AWAY_FROM_ZERO SHIFTED CLAMPED)
TILE(ep_mve_tile_once, SCALED("vqdmulh.s32") SHIFTED CLAMPED)
