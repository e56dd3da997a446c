/*
 * A word the application leaves for the loader, or the loader for itself, across a reset: 16 bytes at the end of RAM
 * that neither uses for anything else. After power on they hold noise, which the complement detects.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include <stdint.h>

#include "core.h"

#define HANDOVER_NONE 0u
#define HANDOVER_STAY 0x59415453u    /* stay in the loader */
#define HANDOVER_CONFIRM 0x464E4F43u /* the image on trial has answered: keep it */
#define HANDOVER_START 0x54524153u   /* start without listening first */

static inline volatile uint32_t *handover_words(void)
{
    return (volatile uint32_t *)(uintptr_t)BOOT_HANDOVER;
}

/* What was left, once. */
static inline uint32_t handover_take(void)
{
    volatile uint32_t *words = handover_words();
    uint32_t request = words[0] == ~words[1] ? words[0] : HANDOVER_NONE;
    words[0] = 0;
    words[1] = 0;
    return request;
}

static inline _Noreturn void handover_reset(uint32_t request)
{
    volatile uint32_t *words = handover_words();
    words[0] = request;
    words[1] = ~request;
    __asm volatile("dsb" ::: "memory");
    SCB_AIRCR = AIRCR_KEY_AND_SYSRESETREQ;
    for (;;) {
    }
}

#endif
