/*
 * Every fault ends here: one error line with the registers, then a reset, after which the console is back.
 * The host decodes the status bits (docs/console.md).
 */
#include <stdint.h>

#include "board.h"
#include "console.h"
#include "core.h"
#include "image.h"

void ep_fault_entry(void);
void ep_fault(uint32_t sp);

/*
 * r0 r1 r2 r3 r12 lr pc psr as the core stacked them, zeros when the stack pointer had left the stack; then sp, the stack's
 * limit and the fault status registers.
 */
static uint32_t registers[14];

/* Saves the frame, then runs ep_fault() on a fresh stack: the old one may be what failed. */
__attribute__((naked)) void ep_fault_entry(void)
{
    __asm volatile(".syntax unified\n"
                   "mrs r0, msp\n"
                   "mov r2, r0\n"
                   "ldr r1, =ep_stack_limit\n"
                   "cmp r0, r1\n"
                   "blo 1f\n"
                   "ldr r3, =%c0\n"
                   "ldmia r2!, {r4-r7}\n"
                   "stmia r3!, {r4-r7}\n"
                   "ldmia r2!, {r4-r7}\n"
                   "stmia r3!, {r4-r7}\n"
                   "1: ldr r1, =ep_stack_top\n"
                   "mov sp, r1\n"
                   "b ep_fault\n"
                   ".ltorg\n" ::"i"(registers));
}

__attribute__((used, noreturn)) void ep_fault(uint32_t sp)
{
    static const char NAMES[] = "r0\0r1\0r2\0r3\0r12\0lr\0pc\0psr\0sp\0limit\0"
#if __ARM_ARCH >= 7
                                "cfsr\0hfsr\0mmfar\0bfar\0"
#endif
        ;
    registers[8] = sp;
    registers[9] = (uint32_t)ep_stack_limit;
#if __ARM_ARCH >= 7
    registers[10] = SCB_CFSR;
    registers[11] = SCB_HFSR;
    registers[12] = SCB_MMFAR;
    registers[13] = SCB_BFAR;
#endif
    con_put("e-[fault");
    const uint32_t *value = registers;
    for (const char *name = NAMES; *name != '\0'; name++) {
        con_put(" ");
        while (*name != '\0') {
            con_put_byte((uint8_t)*name++);
        }
        con_put("=");
        con_put_hex(*value++, 8);
    }
    con_line("]");
    board_drain();
    SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
    for (;;) {
    }
}
