/* 32-bit Arm, EABI: svc with the number in r7 and the arguments from r0 on (Linux, arch/arm). */
#include "system.h"

__asm__(
    ".globl _start\n"
    ".type _start, %function\n"
    "_start:\n"
    "    mov lr, #0\n"
    "    mov r0, sp\n"
    "    bic sp, sp, #7\n"
    "    bl program_start\n");

/* r7 is the frame pointer of some compilers: the number is put there for the call alone. */
long sys_call(long number, long a, long b, long c, long d)
{
    register long r0 __asm__("r0") = a;
    register long r1 __asm__("r1") = b;
    register long r2 __asm__("r2") = c;
    register long r3 __asm__("r3") = d;
    __asm__ volatile("push {r7}\n\tmov r7, %[number]\n\tsvc #0\n\tpop {r7}"
                     : "+r"(r0)
                     : [number] "r"(number), "r"(r1), "r"(r2), "r"(r3)
                     : "memory", "cc");
    return r0;
}
