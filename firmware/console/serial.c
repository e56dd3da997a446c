/* Bytes over the board's UART. While one is waiting to be sent, those that arrive go into a ring. */
#include "board.h"
#include "console.h"
#include "watchdog.h"

#define RING_BYTES 128u /* a power of two */

uint32_t con_sent_crc;

static uint8_t ring[RING_BYTES];
static uint32_t ring_in;
static uint32_t ring_out;

static void receive(void)
{
    if (ring_in - ring_out < RING_BYTES) {
        int byte = board_get();
        if (byte >= 0) {
            ring[ring_in++ % RING_BYTES] = (uint8_t)byte;
        }
    }
}

void con_put_byte(uint8_t byte)
{
    do {
        receive();
        board_watchdog_feed();
    } while (!board_can_put());
    board_put(byte);
    con_sent_crc = con_crc(con_sent_crc, byte);
}

uint8_t con_get_byte(void)
{
    while (ring_in == ring_out) {
        receive();
        board_watchdog_feed();
        (void)board_ticks(); /* keeps a 32-bit tick counter extended between its readings */
    }
    return ring[ring_out++ % RING_BYTES];
}
