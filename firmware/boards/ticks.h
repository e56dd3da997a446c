/* A counter of 32 bits as 64: exact when it is read at least once every 2^32 ticks. Included once, by a board's board.c. */
#ifndef TICKS_H
#define TICKS_H

#include <stdint.h>

static uint32_t ticks_last;
static uint32_t ticks_wraps;

static inline uint64_t ticks_extended(uint32_t count)
{
    if (count < ticks_last) {
        ticks_wraps++;
    }
    ticks_last = count;
    return (uint64_t)ticks_wraps << 32 | count;
}

#endif
