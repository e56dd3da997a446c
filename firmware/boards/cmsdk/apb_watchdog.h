/*
 * CMSDK APB watchdog (Arm DDI 0479D, section 4.5): LOAD 0x0, CONTROL 0x8, INTCLR 0xC, LOCK 0xC00. The first time it runs
 * out it raises the non-maskable interrupt, the second time it resets. The board defines CMSDK_WATCHDOG_BASE and
 * CMSDK_CLOCK_HZ.
 */
#include "core.h"
#include "watchdog.h"

#define WATCHDOG_LOAD CORE_REGISTER(CMSDK_WATCHDOG_BASE + 0x0u)
#define WATCHDOG_CONTROL CORE_REGISTER(CMSDK_WATCHDOG_BASE + 0x8u)
#define WATCHDOG_INTCLR CORE_REGISTER(CMSDK_WATCHDOG_BASE + 0xCu) /* starts from LOAD again */
#define WATCHDOG_LOCK CORE_REGISTER(CMSDK_WATCHDOG_BASE + 0xC00u)
#define WATCHDOG_LOCK_OPEN 0x1ACCE551u
#define WATCHDOG_CONTROL_COUNT_RESET 3u

_Static_assert(BOOT_WATCHDOG_MS <= 0xFFFFFFFFu / (CMSDK_CLOCK_HZ / 1000u), "the counter has 32 bits");

void board_watchdog_start(uint32_t timeout_ms)
{
    WATCHDOG_LOCK = WATCHDOG_LOCK_OPEN;
    WATCHDOG_LOAD = CMSDK_CLOCK_HZ / 1000u * timeout_ms;
    WATCHDOG_CONTROL = WATCHDOG_CONTROL_COUNT_RESET;
}

void board_watchdog_feed(void)
{
    WATCHDOG_INTCLR = 1;
}
