/*
 * How deep the stack has been: fill what lies below the stack pointer with a pattern, look later how much is left.
 * Inlined, because a called function would paint over its own frame.
 */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

#include "image.h"

#define STACK_PATTERN 0xE9C0FFEEu

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void)
{
    uint32_t *sp;
    __asm volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

static inline __attribute__((always_inline)) void stack_paint(uint32_t *sp)
{
    for (volatile uint32_t *word = ep_stack_limit; word < sp; word++) {
        *word = STACK_PATTERN;
    }
}

/* Lowest word written since the last paint. */
static inline uint32_t *stack_lowest(void)
{
    uint32_t *word = ep_stack_limit;
    while (word < ep_stack_top && *word == STACK_PATTERN) {
        word++;
    }
    return word;
}

#endif
