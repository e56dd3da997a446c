/*
 * The watchdog of nRF51 and nRF52 (nRF51 Series Reference Manual v3.0, chapter 24; nRF52833 and nRF52840 Product
 * Specifications, chapter WDT): it counts the 32.768 kHz clock and starts its oscillator by itself. It may outlive a soft
 * reset, so loader and application go on feeding it; its own reset ends it.
 */
#include "core.h"
#include "watchdog.h"

#define WDT_TASKS_START CORE_REGISTER(0x40010000u)
#define WDT_CRV CORE_REGISTER(0x40010504u)
#define WDT_RREN CORE_REGISTER(0x40010508u)
#define WDT_RR0 CORE_REGISTER(0x40010600u)
#define WDT_RREN_RR0 1u
#define WDT_RR_RELOAD 0x6E524635u
#define WDT_HZ 32768u

void board_watchdog_start(uint32_t timeout_ms)
{
    WDT_CRV = (uint32_t)((uint64_t)timeout_ms * WDT_HZ / 1000u) - 1u;
    WDT_RREN = WDT_RREN_RR0;
    WDT_TASKS_START = 1;
}

void board_watchdog_feed(void)
{
    WDT_RR0 = WDT_RR_RELOAD;
}
