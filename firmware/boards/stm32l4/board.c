/*
 * STM32L4+ (L4R, L4S: RM0432) and STM32L475, L476 (RM0351), chapters RCC, PWR, FLASH, GPIO, USART, LPUART. From the
 * target's TOML: BOARD_TX_PIN and BOARD_RX_PIN (16 * port + pin) of LPUART1 (function 8), or of USART2 (function 7) where
 * BOARD_USART is 2; BOARD_WAIT_STATE_HZ, 20 MHz for an L4+ and 16 MHz for the others. Run on a strict bus
 * (tests/ports), on no chip yet.
 *
 * Clocks from the internal 16 MHz oscillator, so that no crystal needs to be known.
 */
#define GPIO_BASE 0x48000000u
#if defined(BOARD_USART) && BOARD_USART == 2
#define USART_BASE 0x40004400u
#define UART_IRQ 38u
#define USART_CR1_FIFOEN 0u /* an L476's USART holds one byte */
#define UART_FUNCTION 7u
#define UART_DIVISOR_SCALE 1u
#elif defined(BOARD_USART)
#error "BOARD_USART is 2, or absent for LPUART1"
#else
#define USART_BASE 0x40008000u /* LPUART1 */
#define UART_IRQ 70u
#define UART_FUNCTION 8u
#define UART_DIVISOR_SCALE 256u
#endif

#include "../cortex-m/cycle_clock.h"
#include "../stm32/pin.h"
#include "../stm32/usart_isr.h"

#define RCC_CR CORE_REGISTER(0x40021000u)
#define RCC_CFGR CORE_REGISTER(0x40021008u)
#define RCC_PLLCFGR CORE_REGISTER(0x4002100Cu)
#define RCC_AHB2ENR CORE_REGISTER(0x4002104Cu)
#define RCC_APB1ENR1 CORE_REGISTER(0x40021058u)
#define RCC_APB1ENR2 CORE_REGISTER(0x4002105Cu)
#define RCC_CCIPR CORE_REGISTER(0x40021088u)
#define PWR_CR1 CORE_REGISTER(0x40007000u)
#define PWR_CR2 CORE_REGISTER(0x40007004u)
#define PWR_SR2 CORE_REGISTER(0x40007014u)
#if BOARD_CLOCK_HZ > 80000000
#define PWR_CR5 CORE_REGISTER(0x40007080u)
#define PWR_CR5_R1MODE (1u << 8) /* clear: boost */
#endif
#define FLASH_ACR CORE_REGISTER(0x40022000u)

#define HSI_HZ 16000000u
#define PORT_G 6u
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_PLLCFGR_SOURCE_HSI 2u
#define RCC_PLLCFGR_N(factor) ((factor) << 8)
#define RCC_PLLCFGR_REN (1u << 24) /* with R = 0: the VCO by 2 */
#define RCC_CFGR_SW_PLL 3u
#define RCC_CFGR_HPRE_DIV2 (8u << 4)
#define RCC_CFGR_HPRE_MASK (15u << 4)
#define RCC_APB1ENR1_PWREN (1u << 28)
#define RCC_APB1ENR1_USART2EN (1u << 17)
#define RCC_APB1ENR2_LPUART1EN 1u
#define RCC_CCIPR_USART2_HSI (2u << 2)
#define RCC_CCIPR_LPUART1_HSI (2u << 10)
#define PWR_CR1_VOS_MASK (3u << 9)
#define PWR_CR1_VOS_RANGE1 (1u << 9)
#define PWR_CR2_IOSV (1u << 9)
#define PWR_SR2_VOSF (1u << 10)
#define FLASH_ACR_CACHES_PREFETCH (7u << 8)
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_WAIT_STATES ((BOARD_CLOCK_HZ - 1u) / BOARD_WAIT_STATE_HZ)

#if BOARD_CLOCK_HZ > 120000000 || BOARD_CLOCK_HZ < 64000000 || BOARD_CLOCK_HZ % 8000000 != 0
#error "clock_hz must be a multiple of 8 MHz from 64 to 120 MHz"
#endif

static void clock_start(void)
{
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWREN;
    (void)RCC_APB1ENR1; /* the clock runs after two cycles */
    PWR_CR1 = (PWR_CR1 & ~PWR_CR1_VOS_MASK) | PWR_CR1_VOS_RANGE1;
    while ((PWR_SR2 & PWR_SR2_VOSF) != 0) {
    }
#if BOARD_CLOCK_HZ > 80000000
    PWR_CR5 &= ~PWR_CR5_R1MODE;
#endif
    RCC_CR |= RCC_CR_HSION;
    while ((RCC_CR & RCC_CR_HSIRDY) == 0) {
    }
    FLASH_ACR = FLASH_ACR_CACHES_PREFETCH | FLASH_WAIT_STATES;
    while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != FLASH_WAIT_STATES) {
    }
    RCC_PLLCFGR = RCC_PLLCFGR_SOURCE_HSI | RCC_PLLCFGR_N(BOARD_CLOCK_HZ / (HSI_HZ / 2u)) | RCC_PLLCFGR_REN;
    RCC_CR |= RCC_CR_PLLON;
    while ((RCC_CR & RCC_CR_PLLRDY) == 0) {
    }
    /* Above 80 MHz the step is taken in two: half the speed for a microsecond. */
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_HPRE_MASK) | RCC_CFGR_HPRE_DIV2;
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    while ((RCC_CFGR >> 2 & 3u) != RCC_CFGR_SW_PLL) {
    }
    for (uint32_t i = 0; i < BOARD_CLOCK_HZ / 1000000u; i++) {
        __asm volatile("nop");
    }
    RCC_CFGR &= ~RCC_CFGR_HPRE_MASK;
}

void board_start(void)
{
    clock_start();
    if (BOARD_TX_PIN / 16u == PORT_G || BOARD_RX_PIN / 16u == PORT_G) {
        PWR_CR2 |= PWR_CR2_IOSV; /* it has a supply of its own */
    }
    RCC_AHB2ENR |= 1u << BOARD_TX_PIN / 16u | 1u << BOARD_RX_PIN / 16u;
    (void)RCC_AHB2ENR;
    pin_alternate(BOARD_TX_PIN, UART_FUNCTION);
    pin_alternate_pulled_up(BOARD_RX_PIN, UART_FUNCTION);
#ifdef BOARD_USART
    RCC_CCIPR |= RCC_CCIPR_USART2_HSI;
    RCC_APB1ENR1 |= RCC_APB1ENR1_USART2EN;
    (void)RCC_APB1ENR1;
#else
    RCC_CCIPR |= RCC_CCIPR_LPUART1_HSI;
    RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1EN;
    (void)RCC_APB1ENR2;
#endif
    usart_start((uint32_t)(((uint64_t)UART_DIVISOR_SCALE * HSI_HZ + BOARD_BAUD / 2u) / BOARD_BAUD));
    cycle_clock_start(BOARD_CLOCK_HZ);
}
