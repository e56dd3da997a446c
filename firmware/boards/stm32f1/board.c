/*
 * STM32F100 on its internal oscillator: RM0041, chapters RCC (CR, CFGR), GPIO (CRH), USART. USART1 on PA9 and PA10.
 */
#define USART_BASE 0x40013800u
#define UART_IRQ 37u

#include "../cortex-m/cycles.h"
#include "../cortex-m/systick.h"
#include "../stm32/usart.h"
#include "ticks.h"

#define RCC_CR CORE_REGISTER(0x40021000u)
#define RCC_CFGR CORE_REGISTER(0x40021004u)
#define RCC_APB2ENR CORE_REGISTER(0x40021018u)
#define GPIOA_CRH CORE_REGISTER(0x40010804u)
#define GPIOA_BSRR CORE_REGISTER(0x40010810u)

#define HSI_HZ 8000000u
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR_PLLMUL6 (4u << 18) /* half the oscillator, times six: 24 MHz */
#define RCC_CFGR_SW_PLL 2u
#define RCC_APB2ENR_USART1_GPIOA (1u << 14 | 1u << 2)
#define PLL_PATIENCE 5000u /* it locks within 0.3 ms */

#if BOARD_CLOCK_HZ != 24000000
#error "clock_hz must be 24000000"
#endif

static bool counts_cycles;
static board_clock_t clock = {"cycles", 0, 1, 0, 1};

static uint32_t clock_start(void)
{
    RCC_CFGR = RCC_CFGR_PLLMUL6;
    RCC_CR |= RCC_CR_PLLON;
    for (uint32_t i = 0; (RCC_CR & RCC_CR_PLLRDY) == 0; i++) {
        if (i == PLL_PATIENCE) {
            return HSI_HZ;
        }
    }
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    while ((RCC_CFGR >> 2 & 3u) != RCC_CFGR_SW_PLL) {
    }
    return BOARD_CLOCK_HZ;
}

void board_start(void)
{
    uint32_t core_hz = clock_start();
    RCC_APB2ENR |= RCC_APB2ENR_USART1_GPIOA;
    (void)RCC_APB2ENR; /* the clock runs after two cycles */
    GPIOA_BSRR = 1u << 10;                      /* the direction of PA10's pull */
    GPIOA_CRH = (GPIOA_CRH & ~0xFF0u) | 0x8B0u; /* PA9 alternate output, PA10 input with a pull */
    usart_start(core_hz);
    counts_cycles = cycles_start() || core_hz != HSI_HZ;
    if (counts_cycles) {
        clock.hz = core_hz;
    } else {
        /* Neither PLL nor cycle counter, an emulated board: QEMU runs SysTick at 24 MHz, 1.536 ticks an instruction. */
        systick_start();
        clock = (board_clock_t){"instructions", EMULATED_HZ, 125, 96, 192};
    }
}

uint64_t board_ticks(void)
{
    if (!counts_cycles) {
        return systick_ticks();
    }
    return ticks_extended(DWT_CYCCNT);
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
