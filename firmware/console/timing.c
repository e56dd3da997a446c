/* Time and stack of one call. */
#include "board.h"
#include "console.h"
#include "stack.h"
#include "watchdog.h"

#define CLOCK_PATIENCE 1000u /* readings */

uint32_t con_stack_inference_bytes;
static uint32_t all_bytes;

static void note_all(void)
{
    uint32_t bytes = (uint32_t)((char *)ep_stack_top - (char *)stack_lowest());
    all_bytes = bytes > all_bytes ? bytes : all_bytes;
}

static void nothing(void)
{
    __asm volatile(""); /* or the call would be left out */
}

static uint64_t units_of(uint64_t ticks)
{
    const board_clock_t *clock = board_clock();
    uint32_t rest;
    return con_divide(ticks * clock->numerator + clock->offset, clock->denominator, &rest);
}

static uint64_t __attribute__((noinline)) raw_units(void (*step)(void))
{
    uint64_t start = board_ticks();
    step();
    uint64_t end = board_ticks();
    return units_of(end) - units_of(start);
}

uint64_t con_time(void (*step)(void))
{
    board_watchdog_feed();
    note_all(); /* before the paint below wipes the marks */
    uint64_t empty = raw_units(nothing);
    uint32_t *sp = stack_pointer();
    stack_paint(sp);
    uint64_t units = raw_units(step);
    uint32_t bytes = (uint32_t)((char *)sp - (char *)stack_lowest());
    con_stack_inference_bytes = bytes > con_stack_inference_bytes ? bytes : con_stack_inference_bytes;
    return units > empty ? units - empty : 0;
}

bool con_clock_counts(void)
{
    uint64_t before = board_ticks();
    for (uint32_t i = 0; i < CLOCK_PATIENCE; i++) {
        if (board_ticks() != before) {
            return true;
        }
    }
    con_bracketed("e-[The clock does not count: ", board_clock()->source);
    return false;
}

uint64_t con_now(void)
{
    return units_of(board_ticks());
}

/* Split, because units * 1000000 would overflow after 13 days at 15.6 MHz. */
uint64_t con_microseconds(uint64_t units)
{
    uint32_t hz = board_clock()->hz;
    uint32_t rest;
    uint64_t seconds = con_divide(units, hz, &rest);
    return seconds * 1000000u + con_divide((uint64_t)rest * 1000000u, hz, &rest);
}

uint32_t con_stack_all_bytes(void)
{
    note_all();
    return all_bytes;
}
