/*
 * RP2350 on its Arm cores: data sheet, chapters RESETS, GPIO (PADS_BANK0: ISO), UART and, for the block below, Bootrom (its
 * minimum Arm IMAGE_DEF); clocks and UART in rp2xxx. UART0 on GP0 and GP1. Run on a strict bus
 * (tests/ports), on no chip yet.
 */
#define RESETS_BASE 0x40020000u
#define CLOCKS_BASE 0x40010000u
#define XOSC_BASE 0x40048000u
#define PLL_SYS_BASE 0x40050000u
#define UART_BASE 0x40070000u
#define UART_IRQ 33u
#define PLL_POST_1 5u
#define PLL_POST_2 2u

#include "../cortex-m/cycle_clock.h"
#include "../rp2xxx/clocks.h"
#include "../rp2xxx/pl011.h"

#define RESETS_IO_BANK0 (1u << 6)
#define RESETS_PADS_BANK0 (1u << 9)
#define RESETS_PLL_SYS (1u << 14)
#define RESETS_UART0 (1u << 26)
#define IO_BANK0_CTRL(pin) CORE_REGISTER(0x40028004u + 8u * (pin))
#define PADS_BANK0(pin) CORE_REGISTER(0x40038004u + 4u * (pin))
#define FUNCSEL_UART 2u
#define PAD_INPUT_PULLED_UP (1u << 6 | 1u << 4 | 1u << 3 | 1u << 1) /* ISO clear, IE, 4 mA, PUE, Schmitt trigger */

/* Marks this for the ROM as a secure Arm image, entered through the vector table it begins with. */
__attribute__((section(".image_def"), used)) static const uint32_t image_def[] = {
    0xFFFFDED3u, 0x10210142u, 0x000001FFu, 0x00000000u, 0xAB123579u,
};

static void give_to_uart(uint32_t pin)
{
    PADS_BANK0(pin) = PAD_INPUT_PULLED_UP;
    IO_BANK0_CTRL(pin) = FUNCSEL_UART;
}

void board_start(void)
{
    clock_start(RESETS_PLL_SYS);
    out_of_reset(RESETS_IO_BANK0 | RESETS_PADS_BANK0 | RESETS_UART0);
    give_to_uart(0);
    give_to_uart(1);
    uart_start(XOSC_HZ);
    cycle_clock_start(BOARD_CLOCK_HZ);
}
