/*
 * The PL011 UART of RP2040 and RP2350 (Arm DDI 0183G, table 3-1): DR 0x0, FR 0x18, IBRD 0x24, FBRD 0x28, LCR_H 0x2C,
 * CR 0x30, IMSC 0x38; 8N1, FIFOs of 32 bytes on. The board defines UART_BASE and UART_IRQ before it includes this file.
 */
#include "board.h"
#include "core.h"
#include "receive.h"

#define UART_DR CORE_REGISTER(UART_BASE + 0x00u)
#define UART_FR CORE_REGISTER(UART_BASE + 0x18u)
#define UART_IBRD CORE_REGISTER(UART_BASE + 0x24u)
#define UART_FBRD CORE_REGISTER(UART_BASE + 0x28u)
#define UART_LCR_H CORE_REGISTER(UART_BASE + 0x2Cu)
#define UART_CR CORE_REGISTER(UART_BASE + 0x30u)
#define UART_IMSC CORE_REGISTER(UART_BASE + 0x38u)

#define UART_FR_BUSY (1u << 3)
#define UART_FR_RXFE (1u << 4)
#define UART_FR_TXFF (1u << 5)
#define UART_LCR_H_8_BITS_FIFOS (3u << 5 | 1u << 4)
#define UART_CR_UARTEN_TXE_RXE (1u << 0 | 1u << 8 | 1u << 9)
#define UART_IMSC_RX_RT (1u << 4 | 1u << 6) /* half full, or silence behind bytes */

/* The divisor is clock / (16 * baud) in steps of 1/64; LCR_H has to be written after it. */
static void uart_start(uint32_t clock_hz)
{
    uint32_t sixty_fourths = (4u * clock_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    UART_IBRD = sixty_fourths / 64u;
    UART_FBRD = sixty_fourths % 64u;
    UART_LCR_H = UART_LCR_H_8_BITS_FIFOS;
    UART_IMSC = UART_IMSC_RX_RT;
    UART_CR = UART_CR_UARTEN_TXE_RXE;
    receive_start();
}

bool board_can_put(void)
{
    return (UART_FR & UART_FR_TXFF) == 0;
}

void board_put(uint8_t byte)
{
    UART_DR = byte;
}

/* Both causes end when the FIFO is empty. */
static void receive_interrupt(void)
{
    while ((UART_FR & UART_FR_RXFE) == 0) {
        receive_byte((uint8_t)UART_DR);
    }
}

void board_drain(void)
{
    while ((UART_FR & UART_FR_BUSY) != 0) {
    }
}
