#include "line.h"

#include "board.h"
#include "watchdog.h"

#define SILENCE_MS 5u
#define PATIENCE_MS 1000u

/* board_ticks() counts at hz * denominator / numerator. A minute is more than 2^32 ticks of a fast core. */
static uint64_t ticks_in_ms(uint32_t duration_ms)
{
    const board_clock_t *clock = board_clock();
    return (uint64_t)(clock->hz / 1000u * clock->denominator / clock->numerator) * duration_ms;
}

void line_put(uint8_t byte)
{
    while (!board_can_put()) {
    }
    board_put(byte);
}

uint64_t line_deadline(uint32_t duration_ms)
{
    return board_ticks() + ticks_in_ms(duration_ms);
}

bool line_is_late(uint64_t deadline)
{
    return board_ticks() >= deadline;
}

int line_get_until(uint64_t deadline)
{
    do {
        int byte = board_get();
        board_watchdog_feed();
        if (byte >= 0) {
            return byte;
        }
    } while (!line_is_late(deadline));
    return LINE_SILENT;
}

int line_get(uint32_t timeout_ms)
{
    return line_get_until(line_deadline(timeout_ms));
}

void line_wait_silence(void)
{
    uint64_t deadline = line_deadline(PATIENCE_MS);
    while (!line_is_late(deadline) && line_get(SILENCE_MS) != LINE_SILENT) {
    }
}
