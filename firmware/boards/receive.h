/*
 * Bytes received while nobody asks for them: the UART's interrupt puts them into a ring, board_get() takes them out, so
 * that nothing a host sends is lost while the board computes. One writer and one reader: no lock. Included once, by a
 * board's UART header, which defines receive_interrupt(); its board.c defines UART_IRQ, the number at the NVIC (Armv7-M
 * ARM B3.4), before it.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include "board.h"
#include "core.h"

#define RECEIVE_RING_BYTES 128u /* a power of two; docs/console.md states it */

typedef void (*interrupt_handler_t)(void);
void ep_fault_entry(void);
static void receive_interrupt(void);

/* Behind the system exceptions of startup.c. The interrupts before the UART's are never enabled. */
__attribute__((section(".vectors.interrupts"), used)) static const interrupt_handler_t interrupts[UART_IRQ + 1] = {
    [0 ... UART_IRQ - 1] = ep_fault_entry,
    [UART_IRQ] = receive_interrupt,
};

static volatile uint8_t receive_ring[RECEIVE_RING_BYTES];
static volatile uint32_t receive_in;
static volatile uint32_t receive_out;

/* Called by the interrupt alone. A byte that finds the ring full is lost: the host's checks find it. */
static inline void receive_byte(uint8_t byte)
{
    uint32_t in = receive_in;
    if (in - receive_out < RECEIVE_RING_BYTES) {
        receive_ring[in % RECEIVE_RING_BYTES] = byte;
        receive_in = in + 1u;
    }
}

/* The last step of uart_start(). */
static inline void receive_start(void)
{
    NVIC_ISER(UART_IRQ) = 1u << UART_IRQ % 32u;
}

int board_get(void)
{
    uint32_t out = receive_out;
    if (out == receive_in) {
        return -1;
    }
    int byte = receive_ring[out % RECEIVE_RING_BYTES];
    receive_out = out + 1u;
    return byte;
}

#endif
