/*
 * MPS2 with the AN505 image (Cortex-M33) as QEMU models it: Arm DAI 0505B, section 3 (memory map), secure aliases,
 * because the core starts in the secure state and stays there. Everything runs from one 20 MHz clock.
 */
#define CMSDK_CLOCK_HZ 20000000u
#define CMSDK_UART_BASE 0x50200000u
#define CMSDK_TIMER_BASE 0x50000000u

#include "../cmsdk/timer.h"
#include "../cmsdk/uart.h"

/* An instruction is 1.28 ticks of 50 ns. */
static const board_clock_t CLOCK = {"instructions", EMULATED_HZ, 25, 0, 32};

void board_start(void)
{
    uart_start();
    timer_start();
}

const board_clock_t *board_clock(void)
{
    return &CLOCK;
}
