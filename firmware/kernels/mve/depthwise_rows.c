#include "mve/depthwise_rows.h"

#include "ep_offset.h"
#include "ep_frame.h"

EP_OFFSET(ep_mve_depthwise_rows_t, words, 0);
EP_OFFSET(ep_mve_depthwise_rows_t, record, 4);
EP_OFFSET(ep_mve_depthwise_rows_t, out, 8);
EP_OFFSET(ep_mve_depthwise_rows_t, channels, 12);
EP_OFFSET(ep_mve_depthwise_rows_t, pairs, 16);
EP_OFFSET(ep_mve_depthwise_rows_t, odd, 20);
EP_OFFSET(ep_mve_depthwise_rows_t, step, 24);
EP_OFFSET(ep_mve_depthwise_rows_t, out_zero, 28);
EP_OFFSET(ep_mve_depthwise_rows_t, active, 32);
EP_OFFSET(ep_mve_depthwise_rows_t, columns, 36);
EP_OFFSET(ep_mve_depthwise_rows_t, places, 52);

/*
 * Registers: r0 r2 r4 r6 sums; r1 bias, r3 multiplier, r5 shift, r7 zero point; r8 out, r9 step, r10 record, r11 rows,
 * r12 words; q0 taps, q1 their addresses, q2 outputs, q3 places, q4-q7 weights here, right, below and across.
 */
#define FOUR_OUTPUTS(AHEAD)                 \
    "vldrw.u32 q0, [q1, #" AHEAD "]!\n"     \
    "vmladav.s8 r0, q0, q4\n"               \
    "vmladav.s8 r2, q0, q5\n"               \
    "vmladav.s8 r4, q0, q6\n"               \
    "vmladav.s8 r6, q0, q7\n"               \
    "vmov q2[2], q2[0], r0, r4\n"           \
    "vmov q2[3], q2[1], r2, r6\n"           \
    "vadd.i32 q2, q2, r1\n"                 \
    "vqrdmulh.s32 q2, q2, r3\n"             \
    "vshr.s32 q0, q2, #31\n"                \
    "vadd.i32 q2, q2, q0\n"                 \
    "vrshl.s32 q2, r5\n"                    \
    "vadd.i32 q2, q2, r7\n"                 \
    "vqmovnb.s32 q2, q2\n"                  \
    "vqmovnb.s16 q2, q2\n"                  \
    "vpst\n"                                \
    "vstrbt.32 q2, [r8, q3]\n"

__attribute__((naked)) void ep_mve_depthwise_rows(__attribute__((unused)) ep_mve_depthwise_rows_t *rows)
{
    __asm__ volatile(
        "push {r4-r11, lr}\n"
        EP_FRAME_R4_R11_LR
        "vpush {d8-d15}\n"
        EP_FRAME_DOWN(64)
        "mov r11, r0\n"
        "ldrd r12, r10, [r11]\n"
        "ldrd r9, r7, [r11, #24]\n"
        "ldr r0, [r11, #32]\n"
        "vmsr p0, r0\n"
        "add r0, r11, #52\n"
        "vldrw.u32 q3, [r0]\n"
        "1:\n"
        "vldrw.u32 q4, [r10], #16\n"
        "movs r0, #0\n"
        "vmov.32 r1, q4[3]\n"
        "vmov.32 q4[3], r0\n"
        "ldrd r3, r5, [r10], #8\n"
        "vmov q5, q4\n"
        "vshlc q5, r0, #32\n"
        "vshl.i32 q6, q4, #8\n"
        "vshl.i32 q7, q5, #8\n"
        "add r0, r11, #36\n"
        "vldrw.u32 q1, [r0]\n"
        "vadd.i32 q1, q1, r12\n"
        "add r12, r12, #4\n"
        "ldr r8, [r11, #8]\n"
        "add r0, r8, #1\n"
        "str r0, [r11, #8]\n"
        "ldr r0, [r11, #16]\n"
        "dls lr, r0\n"
        "2:\n"
        FOUR_OUTPUTS("128")
        "add r8, r8, r9\n"
        "le lr, 2b\n"
        "ldr r0, [r11, #20]\n"
        "cbz r0, 3f\n"
        "sub r8, r8, r9, lsr #1\n"
        FOUR_OUTPUTS("64")
        "3:\n"
        "ldr r0, [r11, #12]\n"
        "subs r0, r0, #1\n"
        "str r0, [r11, #12]\n"
        "bne 1b\n"
        "vpop {d8-d15}\n"
        EP_FRAME_UP(64)
        "pop {r4-r11, pc}\n");
}
