/*
 * nRF52833 and nRF52840: Product Specifications, chapters CLOCK, UART, GPIO, NVMC. From the target's TOML: BOARD_TX_PIN and
 * BOARD_RX_PIN as 32 * port + pin. The core runs at 64 MHz. Run on a strict bus
 * (tests/ports), on no chip yet.
 */
#include "../cortex-m/cycle_clock.h"
#include "../nrf/uart.h"

#define GPIO(pin, offset) CORE_REGISTER(0x50000000u + 0x300u * ((pin) / 32u) + (offset))
#define GPIO_OUTSET(pin) GPIO(pin, 0x508u)
#define GPIO_PIN_CNF(pin) GPIO(pin, 0x700u + 4u * ((pin) % 32u))
#define GPIO_PIN_CNF_OUTPUT 3u /* the input buffer off */
#define GPIO_PIN_CNF_PULLED_UP (3u << 2)

#define NVMC_ICACHECNF CORE_REGISTER(0x4001E540u)
#define NVMC_ICACHECNF_ENABLED 1u

#define UICR_APPROTECT CORE_REGISTER(0x10001208u)
#define APPROTECT_DISABLE CORE_REGISTER(0x40000558u)

/* The crystal is needed for the baud rate to hold. */
void board_start(void)
{
    /*
     * Silicon from nRF52840 revision 3 (F0) and nRF52833 revision 2 (B0) on closes its debug port at every reset until
     * software opens it as UICR asks (Product Specifications, chapter "Access port protection"); older ones ignore this.
     */
    APPROTECT_DISABLE = UICR_APPROTECT;
    CLOCK_TASKS_HFCLKSTART = 1;
    while (CLOCK_EVENTS_HFCLKSTARTED == 0) {
    }
    NVMC_ICACHECNF = NVMC_ICACHECNF_ENABLED;
    GPIO_OUTSET(BOARD_TX_PIN) = 1u << BOARD_TX_PIN % 32u;
    GPIO_PIN_CNF(BOARD_TX_PIN) = GPIO_PIN_CNF_OUTPUT;
    GPIO_PIN_CNF(BOARD_RX_PIN) = GPIO_PIN_CNF_PULLED_UP;
    uart_start();
    cycle_clock_start(BOARD_CLOCK_HZ);
}
