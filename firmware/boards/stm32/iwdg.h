/*
 * The independent watchdog of every STM32 (RM0041, RM0090, RM0432, RM0433, RM0456, chapters IWDG): KR 0x0, PR 0x4,
 * RLR 0x8, SR 0xC. A system reset stops it. The board defines IWDG_BASE and LSI_HZ, the nominal clock of its counter,
 * which is off by as much as half.
 */
#include "core.h"
#include "watchdog.h"

#define IWDG_KR CORE_REGISTER(IWDG_BASE + 0x0u)
#define IWDG_PR CORE_REGISTER(IWDG_BASE + 0x4u)
#define IWDG_RLR CORE_REGISTER(IWDG_BASE + 0x8u)
#define IWDG_SR CORE_REGISTER(IWDG_BASE + 0xCu)

#define IWDG_KR_START 0xCCCCu /* the counter's oscillator too */
#define IWDG_KR_UNLOCK 0x5555u
#define IWDG_KR_RELOAD 0xAAAAu
#define IWDG_PR_DIV256 6u
#define IWDG_RLR_MOST 0xFFFu
#define UPDATE_PATIENCE 1000000u /* five periods of the oscillator */

void board_watchdog_start(uint32_t timeout_ms)
{
    uint32_t reload = timeout_ms * (LSI_HZ / 256u) / 1000u;
    IWDG_KR = IWDG_KR_START;
    IWDG_KR = IWDG_KR_UNLOCK;
    IWDG_PR = IWDG_PR_DIV256;
    IWDG_RLR = reload < IWDG_RLR_MOST ? reload : IWDG_RLR_MOST;
    for (uint32_t i = 0; IWDG_SR != 0 && i < UPDATE_PATIENCE; i++) {
    }
    IWDG_KR = IWDG_KR_RELOAD;
}

void board_watchdog_feed(void)
{
    IWDG_KR = IWDG_KR_RELOAD;
}
