/*
 * CMSDK APB UART (Arm DDI 0479D, table 4-4): DATA 0x0, STATE 0x4, CTRL 0x8, BAUDDIV 0x10.
 * The board defines CMSDK_UART_BASE and CMSDK_CLOCK_HZ before it includes this file.
 */
#include "board.h"
#include "core.h"

#define UART_REGISTER(offset) CORE_REGISTER(CMSDK_UART_BASE + (offset))
#define UART_DATA UART_REGISTER(0x00u)
#define UART_STATE UART_REGISTER(0x04u)
#define UART_CTRL UART_REGISTER(0x08u)
#define UART_BAUDDIV UART_REGISTER(0x10u)

#define UART_STATE_TX_FULL 1u
#define UART_STATE_RX_FULL 2u
#define UART_CTRL_TX_RX_ENABLE 3u

static void uart_start(void)
{
    UART_BAUDDIV = CMSDK_CLOCK_HZ / BOARD_BAUD;
    UART_CTRL = UART_CTRL_TX_RX_ENABLE;
    if ((UART_STATE & UART_STATE_RX_FULL) == 0) {
        (void)UART_DATA; /* QEMU looks for bytes that wait on the host only when one has been taken */
    }
}

bool board_can_put(void)
{
    return (UART_STATE & UART_STATE_TX_FULL) == 0;
}

void board_put(uint8_t byte)
{
    UART_DATA = byte;
}

int board_get(void)
{
    return (UART_STATE & UART_STATE_RX_FULL) != 0 ? (int)(UART_DATA & 0xFFu) : -1;
}

void board_drain(void)
{
    while (!board_can_put()) {
    }
}
