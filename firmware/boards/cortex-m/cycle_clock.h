/* board_ticks() and board_clock() of a board that counts with the core's cycle counter; included once, by its board.c. */
#include "board.h"
#include "cycles.h"
#include "ticks.h"

static board_clock_t clock = {"cycles", 0, 1, 0, 1};

static void cycle_clock_start(uint32_t core_hz)
{
    (void)cycles_start();
    clock.hz = core_hz;
}

uint64_t board_ticks(void)
{
    return ticks_extended(DWT_CYCCNT);
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
