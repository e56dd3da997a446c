/*
 * The core's cycle counter (Armv7-M ARM C1.8.8), 32 bits, extended by whoever reads it. QEMU has the register but it
 * does not count, which distinguishes an emulated board from a real one.
 */
#ifndef CYCLES_H
#define CYCLES_H

#include <stdbool.h>

#include "core.h"

static inline bool cycles_start(void)
{
    SCB_DEMCR |= DEMCR_TRCENA; /* until then the registers of the counter may ignore what is written */
    DWT_LAR = DWT_LAR_KEY;     /* a Cortex-M7 locks them after reset; the others have no lock */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    uint32_t before = DWT_CYCCNT;
    __asm volatile("nop\n nop\n nop\n nop");
    return DWT_CYCCNT != before;
}

#endif
