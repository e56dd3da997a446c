#include "stack.h"

#define PATTERN 0xA5u

/* Both frames begin where that of `work` does: all three are called by one function. */
static __attribute__((noinline)) void fill(void)
{
    volatile uint8_t area[STACK_MOST_BYTES];
    for (uint32_t i = 0; i < sizeof area; i++) {
        area[i] = PATTERN;
    }
}

static __attribute__((noinline)) uint32_t changed(void)
{
    volatile uint8_t area[STACK_MOST_BYTES];
    uint32_t lowest = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
    while (lowest < sizeof area && area[lowest] == PATTERN) {
        lowest++;
    }
#pragma GCC diagnostic pop
    return (uint32_t)sizeof area - lowest;
}

uint32_t stack_bytes_of(void (*work)(void))
{
    fill();
    work();
    return changed();
}
