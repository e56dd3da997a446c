/* 64-bit x86, for this machine's own runs: syscall with the number in rax (Linux, arch/x86). */
#include "system.h"

__asm__(
    ".globl _start\n"
    "_start:\n"
    "    xor %ebp, %ebp\n"
    "    mov %rsp, %rdi\n"
    "    and $-16, %rsp\n"
    "    call program_start\n");

long sys_call(long number, long a, long b, long c, long d)
{
    long answer;
    register long r10 __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(answer)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                     : "memory", "cc", "rcx", "r11");
    return answer;
}
