/*
 * What board.h asks of a board: clocks, a serial port and a counter. As it is written it starts Arm's MPS2 with the AN386
 * image, which QEMU emulates, so that it runs before you change anything. On a board of your own, write the functions
 * of board.h against its registers: folders such as boards/stm32f4 of EdgePrune's firmware show how.
 */
#define CMSDK_CLOCK_HZ 25000000u
#define CMSDK_UART_BASE 0x40004000u
#define CMSDK_TIMER_BASE 0x40000000u

#include "cmsdk/timer.h"
#include "cmsdk/uart.h"

/* Ticks of the timer are 40 ns; an emulated instruction is 64 ns, 1.6 of them. A real core has {"cycles", hz, 1, 0, 1}. */
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
