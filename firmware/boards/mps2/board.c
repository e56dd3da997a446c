/*
 * MPS2 with the AN385, AN386 or AN500 image (Cortex-M3, M4, M7) as QEMU models it: Arm DAI 0385D, 0386B, 0400B,
 * section 3 (memory map). Everything runs from one 25 MHz clock.
 */
#define CMSDK_CLOCK_HZ 25000000u
#define CMSDK_UART_BASE 0x40004000u
#define CMSDK_TIMER_BASE 0x40000000u

#include "../cmsdk/timer.h"
#include "../cmsdk/uart.h"

/* An instruction is 1.6 ticks of 40 ns. */
static const board_clock_t CLOCK = {"instructions", EMULATED_HZ, 5, 0, 8};

void board_start(void)
{
    uart_start();
    timer_start();
}

const board_clock_t *board_clock(void)
{
    return &CLOCK;
}
