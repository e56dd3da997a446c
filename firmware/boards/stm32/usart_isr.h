/*
 * USART and LPUART of STM32 L4, H7 and U5 (RM0432, RM0433, RM0456, chapters USART and LPUART): CR1 0x0, CR3 0x8, BRR 0xC,
 * ISR 0x1C, ICR 0x20, RDR 0x24, TDR 0x28; 8N1, FIFOs on. The board defines USART_BASE and UART_IRQ before it includes this
 * file, and may define USART_CR1_FIFOEN as 0 where there is none.
 */
#include "board.h"
#include "core.h"
#include "receive.h"

#define USART_CR1 CORE_REGISTER(USART_BASE + 0x00u)
#define USART_BRR CORE_REGISTER(USART_BASE + 0x0Cu)
#define USART_ISR CORE_REGISTER(USART_BASE + 0x1Cu)
#define USART_ICR CORE_REGISTER(USART_BASE + 0x20u)
#define USART_RDR CORE_REGISTER(USART_BASE + 0x24u)
#define USART_TDR CORE_REGISTER(USART_BASE + 0x28u)

#define USART_CR1_UE_RE_TE_RXNEIE (1u << 0 | 1u << 2 | 1u << 3 | 1u << 5)
#ifndef USART_CR1_FIFOEN
#define USART_CR1_FIFOEN (1u << 29)
#endif
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR_ORECF (1u << 3)

/* `divisor`: the kernel clock over the baud rate, times 256 in an LPUART. */
static void usart_start(uint32_t divisor)
{
    USART_BRR = divisor;
    USART_CR1 = USART_CR1_FIFOEN | USART_CR1_UE_RE_TE_RXNEIE;
    receive_start();
}

bool board_can_put(void)
{
    return (USART_ISR & USART_ISR_TXE) != 0;
}

void board_put(uint8_t byte)
{
    USART_TDR = byte;
}

/* An overrun stops reception until it is cleared; the host's checks find the lost byte. */
static void receive_interrupt(void)
{
    uint32_t status;
    while (((status = USART_ISR) & (USART_ISR_RXNE | USART_ISR_ORE)) != 0) {
        if ((status & USART_ISR_RXNE) != 0) {
            receive_byte((uint8_t)USART_RDR);
        }
        if ((status & USART_ISR_ORE) != 0) {
            USART_ICR = USART_ICR_ORECF;
        }
    }
}

void board_drain(void)
{
    while ((USART_ISR & USART_ISR_TC) == 0) {
    }
}
