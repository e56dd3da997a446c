/*
 * RP2040: data sheet, sections 2.14 RESETS, 2.19 GPIO, 4.2 UART; clocks and UART in rp2xxx. UART0 on GP0 and GP1.
 * Run on a strict bus (tests/ports), on no chip yet. The Cortex-M0+ has no cycle counter; SysTick runs at the core's clock.
 */
#define RESETS_BASE 0x4000C000u
#define CLOCKS_BASE 0x40008000u
#define XOSC_BASE 0x40024000u
#define PLL_SYS_BASE 0x40028000u
#define UART_BASE 0x40034000u
#define UART_IRQ 20u
#define PLL_POST_1 6u
#define PLL_POST_2 2u

#include "../cortex-m/systick.h"
#include "../rp2xxx/clocks.h"
#include "../rp2xxx/pl011.h"

#define RESETS_IO_BANK0 (1u << 5)
#define RESETS_PADS_BANK0 (1u << 8)
#define RESETS_PLL_SYS (1u << 12)
#define RESETS_UART0 (1u << 22)
#define IO_BANK0_CTRL(pin) CORE_REGISTER(0x40014004u + 8u * (pin))
#define PADS_BANK0(pin) CORE_REGISTER(0x4001C004u + 4u * (pin))
#define FUNCSEL_UART 2u
#define PAD_INPUT_PULLED_UP (1u << 6 | 1u << 4 | 1u << 3 | 1u << 1) /* IE, 4 mA, PUE, Schmitt trigger */

static const board_clock_t CLOCK = {"timer", BOARD_CLOCK_HZ, 1, 0, 1};

void board_start(void)
{
    clock_start(RESETS_PLL_SYS);
    out_of_reset(RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_UART0);
    PADS_BANK0(1) = PAD_INPUT_PULLED_UP; /* after reset it is pulled down: an open RX would be a break */
    IO_BANK0_CTRL(0) = FUNCSEL_UART;
    IO_BANK0_CTRL(1) = FUNCSEL_UART;
    uart_start(XOSC_HZ);
    systick_start();
}

uint64_t board_ticks(void)
{
    return systick_ticks();
}

const board_clock_t *board_clock(void)
{
    return &CLOCK;
}
