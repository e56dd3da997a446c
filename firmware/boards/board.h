/*
 * Interface of a board. Only files under firmware/boards use registers; everything else uses this header.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The clock behind board_ticks().
 *
 *   source   "cycles", "instructions" (emulated) or "timer"
 *   hz       units a second
 *   unit = (tick * numerator + offset) / denominator, rounded down; of the count since the counter started, never of
 *          a difference, so that what an emulator rounds is rounded back exactly
 */
typedef struct {
    const char *source;
    uint32_t hz;
    uint16_t numerator;
    uint16_t offset;
    uint16_t denominator;
} board_clock_t;

/* With QEMU's -icount shift=6 an instruction takes 64 ns of guest time. */
#define EMULATED_HZ 15625000u

void board_start(void);          /* clocks, UART, tick counter; called once, before the console */
bool board_can_put(void);        /* the UART takes another byte at once */
void board_put(uint8_t byte);    /* only after board_can_put() */
int board_get(void);             /* a received byte, or -1 */
void board_drain(void);          /* returns when the last byte is on the wire */

/* Ticks since board_start(). A 32-bit counter is extended here: exact when called at least once per 2^32 ticks. */
uint64_t board_ticks(void);
const board_clock_t *board_clock(void);

#endif
