/*
 * nRF52833 and nRF52840: Product Specifications, chapters CLOCK, UART, GPIO, NVMC. The UART is the older one without DMA,
 * at the same address. From the target's TOML: BOARD_TX_PIN and BOARD_RX_PIN as 32 * port + pin. The core runs at 64 MHz.
 * Compiled only: this port has not run on a chip.
 */
#include "../cortex-m/cycle_clock.h"

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

#define GPIO(pin, offset) CORE_REGISTER(0x50000000u + 0x300u * ((pin) / 32u) + (offset))
#define GPIO_OUTSET(pin) GPIO(pin, 0x508u)
#define GPIO_PIN_CNF(pin) GPIO(pin, 0x700u + 4u * ((pin) % 32u))
#define GPIO_PIN_CNF_OUTPUT 3u       /* the input buffer off */
#define GPIO_PIN_CNF_PULLED_UP (3u << 2)

#define NVMC_ICACHECNF CORE_REGISTER(0x4001E540u)
#define NVMC_ICACHECNF_ENABLED 1u

#define UART_HZ 16000000u

static bool sent_one;

/* BAUDRATE = baud * 2^32 / 16 MHz, rounded to a multiple of 2^12 as the specification's table does. */
static uint32_t baud_setting(void)
{
    return (uint32_t)(((uint64_t)BOARD_BAUD << 32) / UART_HZ + 0x800u) & 0xFFFFF000u;
}

/* The crystal is needed for the baud rate to hold. */
void board_start(void)
{
    CLOCK_TASKS_HFCLKSTART = 1;
    while (CLOCK_EVENTS_HFCLKSTARTED == 0) {
    }
    NVMC_ICACHECNF = NVMC_ICACHECNF_ENABLED;
    GPIO_OUTSET(BOARD_TX_PIN) = 1u << BOARD_TX_PIN % 32u;
    GPIO_PIN_CNF(BOARD_TX_PIN) = GPIO_PIN_CNF_OUTPUT;
    GPIO_PIN_CNF(BOARD_RX_PIN) = GPIO_PIN_CNF_PULLED_UP;
    UART_PSELTXD = BOARD_TX_PIN;
    UART_PSELRXD = BOARD_RX_PIN;
    UART_BAUDRATE = baud_setting();
    UART_ENABLE = UART_ENABLE_ON;
    UART_TASKS_STARTTX = 1;
    UART_TASKS_STARTRX = 1;
    cycle_clock_start(BOARD_CLOCK_HZ);
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
