/*
 * What the vector kernels share.
 *
 *   ep_mve_copy  memcpy, 16 bytes at a time, in a loop without a branch to pay for
 *   ep_mve_dot   acc + sum_i a[i] * b[i]; reads `a` up to 16 rounded up, `b` up to count
 */
#ifndef EP_MVE_VECTOR_H
#define EP_MVE_VECTOR_H

#include <arm_mve.h>
#include <stdint.h>

static inline void ep_mve_copy(int8_t *to, const int8_t *from, uint32_t count)
{
    __asm__ volatile(
        "wlstp.8 lr, %[count], 1f\n"
        "2:\n"
        "vldrb.u8 q0, [%[from]], #16\n"
        "vstrb.8 q0, [%[to]], #16\n"
        "letp lr, 2b\n"
        "1:\n"
        : [to] "+r"(to), [from] "+r"(from)
        : [count] "r"(count)
        : "lr", "q0", "memory");
}

static inline int32_t ep_mve_dot(const int8_t *a, const int8_t *b, uint32_t count, int32_t acc)
{
    for (uint32_t i = 0; i < count; i += 16U) {
        acc = vmladavaq_s8(acc, vldrbq_s8(a + i), vldrbq_z_s8(b + i, vctp8q(count - i)));
    }
    return acc;
}

#endif
