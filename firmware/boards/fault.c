/*
 * Every fault ends here: one error line with the registers, then a reset, after which the console is back.
 * The host knows what the status bits mean (docs/console.md).
 */
#include <stdint.h>

#include "board.h"
#include "console.h"
#include "core.h"
#include "image.h"

void ep_fault_entry(void);
void ep_fault(uint32_t sp);

/* r0 r1 r2 r3 r12 lr pc psr, as the core stacked them; zeros when the stack pointer had left the stack. */
static uint32_t stacked[8];

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
                   ".ltorg\n" ::"i"(stacked));
}

static void put_register(const char *name, uint32_t value)
{
    con_put(name);
    con_put_hex(value, 8);
}

__attribute__((used, noreturn)) void ep_fault(uint32_t sp)
{
    static const char names[8][6] = {" r0=", " r1=", " r2=", " r3=", " r12=", " lr=", " pc=", " psr="};
    con_put("e-[fault");
    for (int i = 0; i < 8; i++) {
        put_register(names[i], stacked[i]);
    }
    put_register(" sp=", sp);
    put_register(" limit=", (uint32_t)ep_stack_limit);
#if __ARM_ARCH >= 7
    put_register(" cfsr=", SCB_CFSR);
    put_register(" hfsr=", SCB_HFSR);
    put_register(" mmfar=", SCB_MMFAR);
    put_register(" bfar=", SCB_BFAR);
#endif
    con_line("]");
    board_drain();
    SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
    for (;;) {
    }
}
