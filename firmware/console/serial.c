/* Bytes over the board's UART. What arrives while others are sent is kept by board_get(), where the board has a ring. */
#include "board.h"
#include "console.h"
#include "watchdog.h"

uint32_t con_sent_crc;

void con_put_byte(uint8_t byte)
{
    do {
        board_watchdog_feed();
    } while (!board_can_put());
    board_put(byte);
    con_sent_crc = con_crc(con_sent_crc, byte);
}

uint8_t con_get_byte(void)
{
    for (;;) {
        int byte = board_get();
        if (byte >= 0) {
            return (uint8_t)byte;
        }
        board_watchdog_feed();
        (void)board_ticks(); /* keeps a 32-bit tick counter extended between its readings */
    }
}
