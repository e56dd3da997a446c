/*
 * nRF51822 (micro:bit): nRF51 Series Reference Manual v3.0, chapters 19 (TIMER) and 29 (UART), crystal: 13 (CLOCK).
 * From the target's TOML: BOARD_TX_PIN and BOARD_RX_PIN of port 0. The core runs at 16 MHz.
 */
#include "../nrf/uart.h"
#include "ticks.h"

#define GPIO_OUTSET CORE_REGISTER(0x50000508u)
#define GPIO_DIRSET CORE_REGISTER(0x50000518u)
#define GPIO_PIN_CNF(pin) CORE_REGISTER(0x50000700u + 4u * (pin))
#define GPIO_PIN_CNF_PULLED_UP (3u << 2) /* the input buffer on; it is off after reset */

#define TIMER0_TASKS_START CORE_REGISTER(0x40008000u)
#define TIMER0_TASKS_CAPTURE0 CORE_REGISTER(0x40008040u)
#define TIMER0_BITMODE CORE_REGISTER(0x40008508u)
#define TIMER0_PRESCALER CORE_REGISTER(0x40008510u)
#define TIMER0_CC0 CORE_REGISTER(0x40008540u)
#define TIMER_BITMODE_32 3u

#define CLOCK_PATIENCE 20000u /* the crystal starts within 2 ms */
#define PROBE_ROUNDS 1000u

static board_clock_t clock = {"timer", 16000000u, 1, 0, 1};

/* A loop of two instructions takes four cycles on a real Cortex-M0; an emulator counts two. */
static bool is_emulated(void)
{
    uint32_t rounds = PROBE_ROUNDS;
    uint64_t start = board_ticks();
    __asm volatile(".syntax unified\n1: subs %0, %0, #1\n bne 1b" : "+l"(rounds)::"cc");
    return board_ticks() - start < 3u * PROBE_ROUNDS;
}

void board_start(void)
{
    CLOCK_TASKS_HFCLKSTART = 1;
    for (uint32_t i = 0; CLOCK_EVENTS_HFCLKSTARTED == 0 && i < CLOCK_PATIENCE; i++) {
    }
    GPIO_OUTSET = 1u << BOARD_TX_PIN;
    GPIO_DIRSET = 1u << BOARD_TX_PIN;
    GPIO_PIN_CNF(BOARD_RX_PIN) = GPIO_PIN_CNF_PULLED_UP;
    uart_start();
    TIMER0_BITMODE = TIMER_BITMODE_32;
    TIMER0_PRESCALER = 0;
    TIMER0_TASKS_START = 1;
    if (is_emulated()) {
        clock = (board_clock_t){"instructions", EMULATED_HZ, 125, 64, 128}; /* 1.024 ticks an instruction */
    }
}

uint64_t board_ticks(void)
{
    TIMER0_TASKS_CAPTURE0 = 1;
    return ticks_extended(TIMER0_CC0);
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
