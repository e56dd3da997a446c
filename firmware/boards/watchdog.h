/*
 * The chip's watchdog, which the loader starts before an image on trial: one that hangs is reset, and after its last trial
 * the old image comes back. boards/<board>/boot/watchdog.c, where a board has one, is built into loaders and into the
 * applications behind them with BOOT_WATCHDOG_MS; elsewhere there is nothing to start or feed.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>

#if BOOT_WATCHDOG_MS > 0
void board_watchdog_start(uint32_t timeout_ms); /* only a reset ends it */
void board_watchdog_feed(void);                 /* does nothing where it does not run */
#else
static inline void board_watchdog_start(uint32_t timeout_ms)
{
    (void)timeout_ms;
}

static inline void board_watchdog_feed(void)
{
}
#endif

#endif
