/*
 * STM32U575, U585 with TZEN = 0: RM0456, chapters RCC, PWR, FLASH, ICACHE, GPIO, USART; non-secure aliases. From the target's
 * TOML: USART1 on BOARD_TX_PIN and BOARD_RX_PIN (16 * port + pin, function 7). Run on a strict bus
 * (tests/ports), on no chip yet.
 *
 * Clocks from the internal 16 MHz oscillator, so that no crystal needs to be known.
 */
#define GPIO_BASE 0x42020000u
#define USART_BASE 0x40013800u /* USART1 */
#define UART_IRQ 61u

#include "../cortex-m/cycle_clock.h"
#include "../stm32/pin.h"
#include "../stm32/usart_isr.h"

#define RCC_CR CORE_REGISTER(0x46020C00u)
#define RCC_CFGR1 CORE_REGISTER(0x46020C1Cu)
#define RCC_CFGR2 CORE_REGISTER(0x46020C20u)
#define RCC_PLL1CFGR CORE_REGISTER(0x46020C28u)
#define RCC_PLL1DIVR CORE_REGISTER(0x46020C34u)
#define RCC_AHB2ENR1 CORE_REGISTER(0x46020C8Cu)
#define RCC_AHB3ENR CORE_REGISTER(0x46020C94u)
#define RCC_APB2ENR CORE_REGISTER(0x46020CA4u)
#define RCC_CCIPR1 CORE_REGISTER(0x46020CE0u)
#define PWR_VOSR CORE_REGISTER(0x4602080Cu)
#define FLASH_ACR CORE_REGISTER(0x40022000u)
#define ICACHE_CR CORE_REGISTER(0x40030400u)

#define HSI_HZ 16000000u
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_PLL1CFGR_SOURCE_HSI 2u
#define RCC_PLL1CFGR_INPUT_8_TO_16_MHZ (3u << 2)
#define RCC_PLL1CFGR_REN (1u << 18)
#define RCC_CFGR1_SW_PLL1 3u
#define RCC_CFGR2_HPRE_DIV2 8u
#define RCC_CFGR2_HPRE_MASK 15u
#define RCC_AHB3ENR_PWREN (1u << 2)
#define RCC_APB2ENR_USART1EN (1u << 14)
#define RCC_CCIPR1_USART1_HSI 2u
#define PWR_VOSR_BOOSTRDY (1u << 14)
#define PWR_VOSR_VOSRDY (1u << 15)
#define PWR_VOSR_RANGE1 (3u << 16)
#define PWR_VOSR_BOOSTEN (1u << 18)
#define FLASH_ACR_PREFETCH (1u << 8)
#define FLASH_ACR_LATENCY_MASK 15u
#define FLASH_WAIT_STATES ((BOARD_CLOCK_HZ - 1u) / 32000000u)
#define ICACHE_CR_EN 1u

#if BOARD_CLOCK_HZ > 160000000 || BOARD_CLOCK_HZ < 64000000 || BOARD_CLOCK_HZ % 8000000 != 0
#error "clock_hz must be a multiple of 8 MHz from 64 to 160 MHz"
#endif

/* PLL1: 16 MHz in, the VCO at twice the core's clock, R = 2. The booster of the regulator runs from its input clock. */
static void clock_start(void)
{
    RCC_CR |= RCC_CR_HSION;
    while ((RCC_CR & RCC_CR_HSIRDY) == 0) {
    }
    RCC_AHB3ENR |= RCC_AHB3ENR_PWREN;
    (void)RCC_AHB3ENR;
    RCC_PLL1CFGR = RCC_PLL1CFGR_SOURCE_HSI | RCC_PLL1CFGR_INPUT_8_TO_16_MHZ | RCC_PLL1CFGR_REN;
    RCC_PLL1DIVR = (BOARD_CLOCK_HZ / (HSI_HZ / 2u) - 1u) | 1u << 9 | 1u << 16 | 1u << 24;
    PWR_VOSR |= PWR_VOSR_RANGE1;
    while ((PWR_VOSR & PWR_VOSR_VOSRDY) == 0) {
    }
    PWR_VOSR |= PWR_VOSR_BOOSTEN;
    while ((PWR_VOSR & PWR_VOSR_BOOSTRDY) == 0) {
    }
    FLASH_ACR = FLASH_ACR_PREFETCH | FLASH_WAIT_STATES;
    while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != FLASH_WAIT_STATES) {
    }
    RCC_CR |= RCC_CR_PLL1ON;
    while ((RCC_CR & RCC_CR_PLL1RDY) == 0) {
    }
    /* The step is taken in two: half the speed for a microsecond. */
    RCC_CFGR2 = (RCC_CFGR2 & ~RCC_CFGR2_HPRE_MASK) | RCC_CFGR2_HPRE_DIV2;
    RCC_CFGR1 |= RCC_CFGR1_SW_PLL1;
    while ((RCC_CFGR1 >> 2 & 3u) != RCC_CFGR1_SW_PLL1) {
    }
    for (uint32_t i = 0; i < BOARD_CLOCK_HZ / 1000000u; i++) {
        __asm volatile("nop");
    }
    RCC_CFGR2 &= ~RCC_CFGR2_HPRE_MASK;
}

void board_start(void)
{
    clock_start();
    ICACHE_CR |= ICACHE_CR_EN;
    RCC_AHB2ENR1 |= 1u << BOARD_TX_PIN / 16u | 1u << BOARD_RX_PIN / 16u;
    (void)RCC_AHB2ENR1;
    pin_alternate(BOARD_TX_PIN, 7u);
    pin_alternate_pulled_up(BOARD_RX_PIN, 7u);
    RCC_CCIPR1 |= RCC_CCIPR1_USART1_HSI;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    usart_start((HSI_HZ + BOARD_BAUD / 2u) / BOARD_BAUD);
    cycle_clock_start(BOARD_CLOCK_HZ);
}
