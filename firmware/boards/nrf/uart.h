/*
 * The UART without DMA that nRF51 and nRF52 have at the same address, and the crystal its baud rate needs (nRF51 Series
 * Reference Manual v3.0, chapters 13 and 29; nRF52833 and nRF52840 Product Specifications, chapters CLOCK and UART).
 */
#include "board.h"
#include "core.h"

#define UART_IRQ 2u /* each peripheral's number is that of its page from 0x40000000 */

#include "receive.h"

#define CLOCK_TASKS_HFCLKSTART CORE_REGISTER(0x40000000u)
#define CLOCK_EVENTS_HFCLKSTARTED CORE_REGISTER(0x40000100u)

#define UART_TASKS_STARTRX CORE_REGISTER(0x40002000u)
#define UART_TASKS_STARTTX CORE_REGISTER(0x40002008u)
#define UART_EVENTS_RXDRDY CORE_REGISTER(0x40002108u)
#define UART_EVENTS_TXDRDY CORE_REGISTER(0x4000211Cu)
#define UART_INTENSET CORE_REGISTER(0x40002304u)
#define UART_ENABLE CORE_REGISTER(0x40002500u)
#define UART_PSELTXD CORE_REGISTER(0x4000250Cu)
#define UART_PSELRXD CORE_REGISTER(0x40002514u)
#define UART_RXD CORE_REGISTER(0x40002518u)
#define UART_TXD CORE_REGISTER(0x4000251Cu)
#define UART_BAUDRATE CORE_REGISTER(0x40002524u)
#define UART_ENABLE_ON 4u
#define UART_INTENSET_RXDRDY (1u << 2)
#define UART_HZ 16000000u

static bool sent_one;

/* BAUDRATE = baud * 2^32 / 16 MHz, rounded to a multiple of 2^12 as the specification's table does. */
static uint32_t baud_setting(void)
{
    return (uint32_t)(((uint64_t)BOARD_BAUD << 32) / UART_HZ + 0x800u) & 0xFFFFF000u;
}

/* The pins are configured by the board. */
static void uart_start(void)
{
    UART_PSELTXD = BOARD_TX_PIN;
    UART_PSELRXD = BOARD_RX_PIN;
    UART_BAUDRATE = baud_setting();
    UART_ENABLE = UART_ENABLE_ON;
    UART_TASKS_STARTTX = 1;
    UART_INTENSET = UART_INTENSET_RXDRDY;
    receive_start();
    UART_TASKS_STARTRX = 1;
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

/* Six bytes fit behind RXD; the event comes again for each. */
static void receive_interrupt(void)
{
    while (UART_EVENTS_RXDRDY != 0) {
        UART_EVENTS_RXDRDY = 0;
        receive_byte((uint8_t)UART_RXD);
    }
}

void board_drain(void)
{
    while (!board_can_put()) {
    }
}
