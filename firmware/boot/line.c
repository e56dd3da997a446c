#include "line.h"

#include <stdbool.h>

#include "board.h"

#define SILENCE_MS 5u

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

int line_get(uint32_t timeout_ms)
{
    uint64_t limit = ticks_in_ms(timeout_ms);
    uint64_t start = board_ticks();
    do {
        int byte = board_get();
        if (byte >= 0) {
            return byte;
        }
    } while (board_ticks() - start < limit);
    return LINE_SILENT;
}

void line_wait_silence(void)
{
    while (line_get(SILENCE_MS) != LINE_SILENT) {
    }
}
