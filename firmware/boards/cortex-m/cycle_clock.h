/* board_ticks() and board_clock() of a board that counts with the core's cycle counter; included once, by its board.c. */
#include "board.h"
#include "cycles.h"

static uint32_t last_count;
static uint32_t wraps;
static board_clock_t clock = {"cycles", 0, 1, 0, 1};

static void cycle_clock_start(uint32_t core_hz)
{
    (void)cycles_start();
    clock.hz = core_hz;
}

uint64_t board_ticks(void)
{
    uint32_t count = DWT_CYCCNT;
    if (count < last_count) {
        wraps++;
    }
    last_count = count;
    return (uint64_t)wraps << 32 | count;
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
