/*
 * USART of STM32 F1, F2 and F4 (RM0090 section 30.6): SR 0x0, DR 0x4, BRR 0x8, CR1 0xC; 8N1. It holds one byte.
 * The board defines USART_BASE and UART_IRQ before it includes this file.
 */
#include "board.h"
#include "core.h"
#include "receive.h"

#define USART_SR CORE_REGISTER(USART_BASE + 0x0u)
#define USART_DR CORE_REGISTER(USART_BASE + 0x4u)
#define USART_BRR CORE_REGISTER(USART_BASE + 0x8u)
#define USART_CR1 CORE_REGISTER(USART_BASE + 0xCu)

#define USART_SR_RXNE (1u << 5)
#define USART_SR_TC (1u << 6)
#define USART_SR_TXE (1u << 7)
#define USART_CR1_UE_RXNEIE_TE_RE (1u << 13 | 1u << 5 | 1u << 3 | 1u << 2)

static void usart_start(uint32_t bus_hz)
{
    USART_BRR = (bus_hz + BOARD_BAUD / 2) / BOARD_BAUD;
    USART_CR1 = USART_CR1_UE_RXNEIE_TE_RE;
    receive_start();
}

bool board_can_put(void)
{
    return (USART_SR & USART_SR_TXE) != 0;
}

void board_put(uint8_t byte)
{
    USART_DR = byte;
}

/* Reading SR, then DR also clears an overrun, which asks for this interrupt too. */
static void receive_interrupt(void)
{
    bool has_byte = (USART_SR & USART_SR_RXNE) != 0;
    uint8_t byte = (uint8_t)USART_DR;
    if (has_byte) {
        receive_byte(byte);
    }
}

void board_drain(void)
{
    while ((USART_SR & USART_SR_TC) == 0) {
    }
}
