/*
 * SysTick (Armv7-M ARM B3.3) as a tick counter where there is nothing better: 24 bits at the core clock, its wraps
 * counted by its exception, which costs about ten instructions every 2^24 ticks.
 */
#ifndef SYSTICK_H
#define SYSTICK_H

#include "core.h"

#define SYST_CSR CORE_REGISTER(0xE000E010u)
#define SYST_RVR CORE_REGISTER(0xE000E014u)
#define SYST_CVR CORE_REGISTER(0xE000E018u)

#define SYST_CSR_CORE_CLOCK_INTERRUPT_ENABLE 7u
#define SYST_PERIOD 0x1000000u

static volatile uint32_t systick_wraps;

void board_systick(void)
{
    systick_wraps++;
}

static inline void systick_start(void)
{
    SYST_RVR = SYST_PERIOD - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CORE_CLOCK_INTERRUPT_ENABLE;
}

static inline uint64_t systick_ticks(void)
{
    for (;;) {
        uint32_t wraps = systick_wraps;
        uint32_t count = SYST_PERIOD - 1u - SYST_CVR;
        if (wraps == systick_wraps) {
            return (uint64_t)wraps * SYST_PERIOD + count;
        }
    }
}

#endif
