/*
 * STM32H742, H743, H753: RM0433, chapters RCC, PWR, FLASH, SYSCFG, GPIO, USART. From the target's TOML: USART3 on
 * BOARD_TX_PIN and BOARD_RX_PIN (16 * port + pin, function 7). Run on a strict bus
 * (tests/ports), on no chip yet.
 *
 * Clocks from the internal 64 MHz oscillator, so that no crystal is needed. Above 400 MHz requires revision V: earlier ones
 * run at 400 MHz whatever was asked, and state it. The core's supply is the LDO, as on the Nucleo-144 boards without -Q.
 */
#define GPIO_BASE 0x58020000u
#define USART_BASE 0x40004800u /* USART3 */
#define UART_IRQ 39u

#include "../cortex-m/caches.h"
#include "../cortex-m/cycle_clock.h"
#include "../stm32/pin.h"
#include "../stm32/usart_isr.h"

#define RCC_CR CORE_REGISTER(0x58024400u)
#define RCC_CFGR CORE_REGISTER(0x58024410u)
#define RCC_D1CFGR CORE_REGISTER(0x58024418u)
#define RCC_D2CFGR CORE_REGISTER(0x5802441Cu)
#define RCC_D3CFGR CORE_REGISTER(0x58024420u)
#define RCC_PLLCKSELR CORE_REGISTER(0x58024428u)
#define RCC_PLLCFGR CORE_REGISTER(0x5802442Cu)
#define RCC_PLL1DIVR CORE_REGISTER(0x58024430u)
#define RCC_D2CCIP2R CORE_REGISTER(0x58024454u)
#define RCC_AHB4ENR CORE_REGISTER(0x580244E0u)
#define RCC_APB1LENR CORE_REGISTER(0x580244E8u)
#define RCC_APB4ENR CORE_REGISTER(0x580244F4u)
#define PWR_CSR1 CORE_REGISTER(0x58024804u)
#define PWR_CR3 CORE_REGISTER(0x5802480Cu)
#define PWR_D3CR CORE_REGISTER(0x58024818u)
#define SYSCFG_PWRCR CORE_REGISTER(0x5800042Cu)
#define FLASH_ACR CORE_REGISTER(0x52002000u)
#define DBGMCU_IDCODE CORE_REGISTER(0x5C001000u)
#define AXI_TARG7_FN_MOD CORE_REGISTER(0x51008108u)

#define HSI_HZ 64000000u
#define PLL_INPUT_HZ 16000000u
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_PLLCKSELR_DIVM1(factor) ((factor) << 4)
#define RCC_PLLCKSELR_DIVM1_SOURCE_MASK (63u << 4 | 3u) /* source 0: HSI */
#define RCC_PLLCFGR_PLL1_MASK 15u
#define RCC_PLLCFGR_PLL1_WIDE_8_TO_16_MHZ (3u << 2)
#define RCC_PLLCFGR_DIVP1EN (1u << 16)
#define RCC_CFGR_SW_PLL1 3u
#define RCC_D1CFGR_HPRE_DIV2_PPRE_DIV2 (8u | 4u << 4)
#define RCC_D2CFGR_PPRE1_PPRE2_DIV2 (4u << 4 | 4u << 8)
#define RCC_D3CFGR_PPRE_DIV2 (4u << 4)
#define RCC_D2CCIP2R_USART3_HSI 3u
#define RCC_APB1LENR_USART3EN (1u << 18)
#define RCC_APB4ENR_SYSCFGEN (1u << 1)
#define PWR_CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3_SUPPLY_MASK 7u
#define PWR_CR3_LDOEN 2u
#define PWR_D3CR_VOSRDY (1u << 13)
#define PWR_D3CR_VOS1 (3u << 14)
#define SYSCFG_PWRCR_ODEN 1u
#define FLASH_ACR_LATENCY_MASK 15u
#define FLASH_ACR_AXI_240_MHZ (4u | 2u << 4) /* VOS0 */
#define FLASH_ACR_AXI_200_MHZ (2u | 2u << 4) /* VOS1 */
#define REVISION_Y 0x1003u
#define REVISION_V 0x2003u
#define VOS1_HZ 400000000u

#if BOARD_CLOCK_HZ > 480000000 || BOARD_CLOCK_HZ < 200000000 || BOARD_CLOCK_HZ % 8000000 != 0
#error "clock_hz must be a multiple of 8 MHz from 200 to 480 MHz"
#endif

static uint32_t revision(void)
{
    return DBGMCU_IDCODE >> 16;
}

/* Up to revision Y reads of the AXI SRAM may return damaged data (ES0392, "Reading from AXI SRAM"). */
static void axi_sram_start(void)
{
    if (revision() <= REVISION_Y) {
        AXI_TARG7_FN_MOD = 1u;
    }
}

static uint32_t allowed_hz(void)
{
    return BOARD_CLOCK_HZ <= VOS1_HZ || revision() >= REVISION_V ? BOARD_CLOCK_HZ : VOS1_HZ;
}

static void voltage_start(uint32_t core_hz)
{
    PWR_CR3 = (PWR_CR3 & ~PWR_CR3_SUPPLY_MASK) | PWR_CR3_LDOEN; /* once after power-on; until then VOS is locked */
    while ((PWR_CSR1 & PWR_CSR1_ACTVOSRDY) == 0) {
    }
    PWR_D3CR |= PWR_D3CR_VOS1;
    while ((PWR_D3CR & PWR_D3CR_VOSRDY) == 0) {
    }
    if (core_hz <= VOS1_HZ) {
        return;
    }
    RCC_APB4ENR |= RCC_APB4ENR_SYSCFGEN;
    (void)RCC_APB4ENR;
    SYSCFG_PWRCR |= SYSCFG_PWRCR_ODEN;
    while ((PWR_D3CR & PWR_D3CR_VOSRDY) == 0) {
    }
}

static void flash_start(uint32_t setting)
{
    FLASH_ACR = setting;
    while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != (setting & FLASH_ACR_LATENCY_MASK)) {
    }
}

static void clock_start(uint32_t core_hz)
{
    voltage_start(core_hz);
    flash_start(core_hz > VOS1_HZ ? FLASH_ACR_AXI_240_MHZ : FLASH_ACR_AXI_200_MHZ);
    RCC_PLLCKSELR =
        (RCC_PLLCKSELR & ~RCC_PLLCKSELR_DIVM1_SOURCE_MASK) | RCC_PLLCKSELR_DIVM1(HSI_HZ / PLL_INPUT_HZ);
    RCC_PLLCFGR =
        (RCC_PLLCFGR & ~RCC_PLLCFGR_PLL1_MASK) | RCC_PLLCFGR_PLL1_WIDE_8_TO_16_MHZ | RCC_PLLCFGR_DIVP1EN;
    /* The VCO runs at twice the core's clock: N and the dividers of all three outputs are stored less one. */
    RCC_PLL1DIVR = (core_hz / (PLL_INPUT_HZ / 2u) - 1u) | 1u << 9 | 1u << 16 | 1u << 24;
    RCC_CR |= RCC_CR_PLL1ON;
    while ((RCC_CR & RCC_CR_PLL1RDY) == 0) {
    }
    RCC_D1CFGR = RCC_D1CFGR_HPRE_DIV2_PPRE_DIV2;
    RCC_D2CFGR = RCC_D2CFGR_PPRE1_PPRE2_DIV2;
    RCC_D3CFGR = RCC_D3CFGR_PPRE_DIV2;
    RCC_CFGR |= RCC_CFGR_SW_PLL1;
    while ((RCC_CFGR >> 3 & 7u) != RCC_CFGR_SW_PLL1) {
    }
}

void board_start(void)
{
    uint32_t core_hz = allowed_hz();
    axi_sram_start();
    clock_start(core_hz);
    caches_start();
    RCC_AHB4ENR |= 1u << BOARD_TX_PIN / 16u | 1u << BOARD_RX_PIN / 16u;
    (void)RCC_AHB4ENR;
    pin_alternate(BOARD_TX_PIN, 7u);
    pin_alternate_pulled_up(BOARD_RX_PIN, 7u);
    RCC_D2CCIP2R |= RCC_D2CCIP2R_USART3_HSI;
    RCC_APB1LENR |= RCC_APB1LENR_USART3EN;
    (void)RCC_APB1LENR;
    usart_start((HSI_HZ + BOARD_BAUD / 2u) / BOARD_BAUD);
    cycle_clock_start(core_hz);
}
