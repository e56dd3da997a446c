/*
 * STM32F401, F405, F407, F411, F446. From the target's TOML: BOARD_USART 1 to 6, its pins BOARD_TX_PIN and BOARD_RX_PIN as
 * 16 * port + pin (PA9 is 9, PD8 is 56). BOARD_VOS: the value of PWR_CR.VOS, where reset leaves too
 * low a one. Registers: RM0090, RM0390, RM0368 and RM0383, chapters RCC, GPIO, USART, TIM2 to TIM5.
 */
#if BOARD_USART == 1
#define USART_BASE 0x40011000u
#define USART_APB2_BIT (1u << 4)
#define UART_IRQ 37u
#elif BOARD_USART == 6
#define USART_BASE 0x40011400u
#define USART_APB2_BIT (1u << 5)
#define UART_IRQ 71u
#elif BOARD_USART >= 2 && BOARD_USART <= 5
#define USART_BASE (0x40004400u + 0x400u * (BOARD_USART - 2u))
#define USART_APB1_BIT (1u << (17u + BOARD_USART - 2u))
#define UART_IRQ (BOARD_USART <= 3 ? 36u + BOARD_USART : 48u + BOARD_USART)
#else
#error "BOARD_USART must be 1 to 6"
#endif

#define GPIO_BASE 0x40020000u

#include "../cortex-m/cycles.h"
#include "../stm32/pin.h"
#include "../stm32/usart.h"
#include "ticks.h"
#include "clock.h"

#define USART_ALTERNATE_FUNCTION (BOARD_USART <= 3 ? 7u : 8u)
#define RCC_APB1ENR_TIM2 1u

#define TIM2_CR1 CORE_REGISTER(0x40000000u)
#define TIM2_CNT CORE_REGISTER(0x40000024u)
#define TIM2_PSC CORE_REGISTER(0x40000028u)
#define TIM2_CR1_ENABLE 1u

static volatile uint32_t *counter;
static board_clock_t clock = {"cycles", 0, 1, 0, 1};

void board_start(void)
{
    uint32_t core_hz = clock_start();
    bool fast = core_hz != HSI_HZ;
    RCC_AHB1ENR |= 1u << BOARD_TX_PIN / 16u | 1u << BOARD_RX_PIN / 16u;
    (void)RCC_AHB1ENR; /* the clock runs after two cycles, as with each one below */
    pin_alternate(BOARD_TX_PIN, USART_ALTERNATE_FUNCTION);
    pin_alternate_pulled_up(BOARD_RX_PIN, USART_ALTERNATE_FUNCTION);
#ifdef USART_APB2_BIT
    RCC_APB2ENR |= USART_APB2_BIT;
    (void)RCC_APB2ENR;
    usart_start(fast ? core_hz / 2u : core_hz);
#else
    RCC_APB1ENR |= USART_APB1_BIT;
    (void)RCC_APB1ENR;
    usart_start(fast ? core_hz / 4u : core_hz);
#endif
    if (cycles_start() || fast) {
        counter = &DWT_CYCCNT;
        clock.hz = core_hz;
        return;
    }
    /* Neither PLL nor cycle counter, an emulated board: QEMU's TIM2 runs at 1 GHz; divided by 64 its tick is one instruction. */
    RCC_APB1ENR |= RCC_APB1ENR_TIM2;
    (void)RCC_APB1ENR;
    TIM2_PSC = 63u;
    TIM2_CR1 = TIM2_CR1_ENABLE;
    counter = &TIM2_CNT;
    clock.source = "instructions";
    clock.hz = EMULATED_HZ;
}

uint64_t board_ticks(void)
{
    return ticks_extended(*counter);
}

const board_clock_t *board_clock(void)
{
    return &clock;
}
