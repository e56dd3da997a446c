/*
 * STM32F4 clocks from the internal 16 MHz oscillator, so that no crystal needs to be known: RM0090 (F405, F407) and
 * RM0390 (F446), RM0368 (F401) and RM0383 (F411), chapters RCC (PLLCFGR, CFGR), FLASH (ACR: one wait state per 30 MHz at 2.7 to 3.6 V), PWR (over-drive).
 */
#include "core.h"

#define RCC_CR CORE_REGISTER(0x40023800u)
#define RCC_PLLCFGR CORE_REGISTER(0x40023804u)
#define RCC_CFGR CORE_REGISTER(0x40023808u)
#define RCC_AHB1ENR CORE_REGISTER(0x40023830u)
#define RCC_APB1ENR CORE_REGISTER(0x40023840u)
#define RCC_APB2ENR CORE_REGISTER(0x40023844u)
#define FLASH_ACR CORE_REGISTER(0x40023C00u)

#define HSI_HZ 16000000u
#define PLL_M 8u /* 2 MHz into the PLL */
#define PLL_P (BOARD_CLOCK_HZ >= 96000000u ? 2u : 4u)
#define PLL_N (BOARD_CLOCK_HZ / 1000000u * PLL_P / 2u)
#define PLL_R 2u /* the F446's, where less is forbidden; elsewhere these bits are reserved and read 2 after reset */
#define PLL_Q 15u /* the 48 MHz domain is not used; as slow as it goes */

#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_PPRE1_DIV4 (5u << 10)
#define RCC_CFGR_PPRE2_DIV2 (4u << 13)
#define FLASH_ACR_CACHES_PREFETCH (7u << 8)
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_WAIT_STATES ((BOARD_CLOCK_HZ - 1u) / 30000000u)

#define PLL_PATIENCE 5000u /* it locks within 0.3 ms */

#if BOARD_CLOCK_HZ > 180000000 || BOARD_CLOCK_HZ < 48000000 || BOARD_CLOCK_HZ % 1000000 != 0
#error "clock_hz must be a whole number of MHz from 48 to 180"
#endif

#define RCC_APB1ENR_PWREN (1u << 28)
#define PWR_CR CORE_REGISTER(0x40007000u)
#ifdef BOARD_VOS
#define PWR_CR_VOS_MASK (3u << 14)
#endif

#if BOARD_CLOCK_HZ > 168000000
#define PWR_CSR CORE_REGISTER(0x40007004u)
#define PWR_OD (1u << 16)
#define PWR_ODSW (1u << 17)

static bool over_drive(void)
{
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR;
    PWR_CR |= PWR_OD;
    for (uint32_t i = 0; (PWR_CSR & PWR_OD) == 0; i++) {
        if (i == PLL_PATIENCE) {
            return false;
        }
    }
    PWR_CR |= PWR_ODSW;
    while ((PWR_CSR & PWR_ODSW) == 0) {
    }
    return true;
}
#else
static bool over_drive(void)
{
    return true;
}
#endif

/* The regulator's scale, where after reset it is one for a slower core: while the PLL is off. */
static void voltage_start(void)
{
#ifdef BOARD_VOS
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR;
    PWR_CR = (PWR_CR & ~PWR_CR_VOS_MASK) | BOARD_VOS << 14;
#endif
}

/* The core clock that runs now: BOARD_CLOCK_HZ, or the oscillator's where the PLL never locks (as in QEMU). */
static uint32_t clock_start(void)
{
    voltage_start();
    RCC_PLLCFGR = PLL_M | PLL_N << 6 | (PLL_P / 2u - 1u) << 16 | PLL_Q << 24 | PLL_R << 28;
    RCC_CR |= RCC_CR_PLLON;
    for (uint32_t i = 0; (RCC_CR & RCC_CR_PLLRDY) == 0; i++) {
        if (i == PLL_PATIENCE) {
            return HSI_HZ;
        }
    }
    if (!over_drive()) {
        return HSI_HZ;
    }
    FLASH_ACR = FLASH_ACR_CACHES_PREFETCH | FLASH_WAIT_STATES;
    while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != FLASH_WAIT_STATES) {
    }
    RCC_CFGR = RCC_CFGR_PPRE1_DIV4 | RCC_CFGR_PPRE2_DIV2;
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    while ((RCC_CFGR >> 2 & 3u) != RCC_CFGR_SW_PLL) {
    }
    return BOARD_CLOCK_HZ;
}
