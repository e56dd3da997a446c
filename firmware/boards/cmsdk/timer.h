/*
 * CMSDK APB timer (Arm DDI 0479D, table 4-2): CTRL 0x0, VALUE 0x4, RELOAD 0x8. It counts down from 2^32 - 1.
 * The board defines CMSDK_TIMER_BASE before it includes this file.
 */
#include "board.h"
#include "core.h"
#include "ticks.h"

#define TIMER_CTRL CORE_REGISTER(CMSDK_TIMER_BASE + 0x0u)
#define TIMER_VALUE CORE_REGISTER(CMSDK_TIMER_BASE + 0x4u)
#define TIMER_RELOAD CORE_REGISTER(CMSDK_TIMER_BASE + 0x8u)

static void timer_start(void)
{
    TIMER_RELOAD = 0xFFFFFFFFu;
    TIMER_VALUE = 0xFFFFFFFFu;
    TIMER_CTRL = 1u;
}

uint64_t board_ticks(void)
{
    return ticks_extended(~TIMER_VALUE);
}
