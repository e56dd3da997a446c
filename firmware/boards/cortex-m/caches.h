/*
 * The Cortex-M7's caches, off and of unknown content after reset (Armv7-M ARM B2.2.7 and B3.2: CCR, CSSELR, CCSIDR,
 * ICIALLU, DCISW). Nothing but the core reads or writes memory here, so no cache ever has to be cleaned.
 */
#ifndef CACHES_H
#define CACHES_H

#include "core.h"

#define SCB_CCR CORE_REGISTER(0xE000ED14u)
#define SCB_CCSIDR CORE_REGISTER(0xE000ED80u)
#define SCB_CSSELR CORE_REGISTER(0xE000ED84u)
#define SCB_ICIALLU CORE_REGISTER(0xE000EF50u)
#define SCB_DCISW CORE_REGISTER(0xE000EF60u)

#define SCB_CCR_DC (1u << 16)
#define SCB_CCR_IC (1u << 17)

/* Each line by set and way: ways count down from the top bits, sets from the bit above a line's 32 bytes. */
static inline void data_cache_invalidate(void)
{
    SCB_CSSELR = 0;
    __asm volatile("dsb" ::: "memory");
    uint32_t last_set = SCB_CCSIDR >> 13 & 0x7FFFu;
    uint32_t last_way = SCB_CCSIDR >> 3 & 0x3FFu;
    uint32_t way_shift = last_way == 0 ? 0 : (uint32_t)__builtin_clz(last_way);
    for (uint32_t set = 0; set <= last_set; set++) {
        for (uint32_t way = 0; way <= last_way; way++) {
            SCB_DCISW = way << way_shift | set << 5;
        }
    }
}

static inline void caches_start(void)
{
    SCB_ICIALLU = 0;
    data_cache_invalidate();
    __asm volatile("dsb\n isb" ::: "memory");
    SCB_CCR |= SCB_CCR_IC | SCB_CCR_DC;
    __asm volatile("dsb\n isb" ::: "memory");
}

#endif
