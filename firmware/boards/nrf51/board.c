/*
 * nRF51822 (micro:bit): nRF51 Series Reference Manual v3.0, chapters 19 (TIMER) and 29 (UART), crystal: 13 (CLOCK).
 * From the target's TOML: BOARD_TX_PIN and BOARD_RX_PIN of port 0. The core runs at 16 MHz.
 */
#include "board.h"
#include "core.h"

#define CLOCK_TASKS_HFCLKSTART CORE_REGISTER(0x40000000u)
#define CLOCK_EVENTS_HFCLKSTARTED CORE_REGISTER(0x40000100u)

#define UART_TASKS_STARTRX CORE_REGISTER(0x40002000u)
#define UART_TASKS_STARTTX CORE_REGISTER(0x40002008u)
#define UART_EVENTS_RXDRDY CORE_REGISTER(0x40002108u)
#define UART_EVENTS_TXDRDY CORE_REGISTER(0x4000211Cu)
#define UART_ENABLE CORE_REGISTER(0x40002500u)
#define UART_PSELTXD CORE_REGISTER(0x4000250Cu)
#define UART_PSELRXD CORE_REGISTER(0x40002514u)
#define UART_RXD CORE_REGISTER(0x40002518u)
#define UART_TXD CORE_REGISTER(0x4000251Cu)
#define UART_BAUDRATE CORE_REGISTER(0x40002524u)
#define UART_ENABLE_ON 4u

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

static bool sent_one;
static uint32_t last_count;
static uint32_t wraps;
static board_clock_t clock = {"timer", 16000000u, 1, 0, 1};

/* BAUDRATE = baud * 2^32 / 16 MHz, rounded to a multiple of 2^12 as the manual's table does. */
static uint32_t baud_setting(void)
{
    return (uint32_t)(((uint64_t)BOARD_BAUD << 32) / 16000000u + 0x800u) & 0xFFFFF000u;
}

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
    UART_PSELTXD = BOARD_TX_PIN;
    UART_PSELRXD = BOARD_RX_PIN;
    UART_BAUDRATE = baud_setting();
    UART_ENABLE = UART_ENABLE_ON;
    UART_TASKS_STARTTX = 1;
    UART_TASKS_STARTRX = 1;
    TIMER0_BITMODE = TIMER_BITMODE_32;
    TIMER0_PRESCALER = 0;
    TIMER0_TASKS_START = 1;
    if (is_emulated()) {
        clock = (board_clock_t){"instructions", EMULATED_HZ, 125, 64, 128}; /* 1.024 ticks an instruction */
    }
}

bool board_can_put(void)
{
    return !sent_one || UART_EVENTS_TXDRDY != 0;
}

void board_put(uint8_t byte)
{
    UART_EVENTS_TXDRDY = 0;
    sent_one = true;
    UART_TXD = byte;
}

int board_get(void)
{
    if (UART_EVENTS_RXDRDY == 0) {
        return -1;
    }
    UART_EVENTS_RXDRDY = 0;
    return (int)(UART_RXD & 0xFFu);
}

void board_drain(void)
{
    while (!board_can_put()) {
    }
}

uint64_t board_ticks(void)
{
    TIMER0_TASKS_CAPTURE0 = 1;
    uint32_t count = TIMER0_CC0;
    if (count < last_count) {
        wraps++;
    }
    last_count = count;
    return (uint64_t)wraps << 32 | count;
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
