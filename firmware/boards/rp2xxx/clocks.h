/*
 * Crystal, PLL and the two clocks used here; the same blocks in RP2040 and RP2350 at other addresses (RP2040 data sheet,
 * sections 2.14 RESETS, 2.15 CLOCKS, 2.16 XOSC, 2.18 PLL; RP2350 data sheet, chapters RESETS and CLOCKS). The board
 * defines RESETS_BASE, CLOCKS_BASE, XOSC_BASE, PLL_SYS_BASE, PLL_POST_1 and PLL_POST_2 before it includes this file. The
 * crystal is the 12 MHz one of the Pico boards.
 */
#include "core.h"

#define CLEAR_ALIAS 0x3000u /* a write there clears the written bits */

#define RESETS_RESET_CLEAR CORE_REGISTER(RESETS_BASE + CLEAR_ALIAS)
#define RESETS_DONE CORE_REGISTER(RESETS_BASE + 0x8u)

#define CLK_REF_CTRL CORE_REGISTER(CLOCKS_BASE + 0x30u)
#define CLK_REF_SELECTED CORE_REGISTER(CLOCKS_BASE + 0x38u)
#define CLK_SYS_CTRL CORE_REGISTER(CLOCKS_BASE + 0x3Cu)
#define CLK_SYS_CTRL_CLEAR CORE_REGISTER(CLOCKS_BASE + CLEAR_ALIAS + 0x3Cu)
#define CLK_SYS_SELECTED CORE_REGISTER(CLOCKS_BASE + 0x44u)
#define CLK_PERI_CTRL CORE_REGISTER(CLOCKS_BASE + 0x48u)
#define CLK_REF_SRC_XOSC 2u
#define CLK_SYS_SRC_AUX 1u /* with AUXSRC = 0: the PLL */
#define CLK_PERI_ENABLE_FROM_XOSC (1u << 11 | 4u << 5)

#define XOSC_CTRL CORE_REGISTER(XOSC_BASE + 0x0u)
#define XOSC_STATUS CORE_REGISTER(XOSC_BASE + 0x4u)
#define XOSC_STARTUP CORE_REGISTER(XOSC_BASE + 0xCu)
#define XOSC_CTRL_1_TO_15_MHZ_ENABLE (0xFABu << 12 | 0xAA0u)
#define XOSC_STATUS_STABLE (1u << 31)
#define XOSC_STARTUP_1_MS 47u /* in 256 crystal cycles */

#define PLL_CS CORE_REGISTER(PLL_SYS_BASE + 0x0u)
#define PLL_PWR CORE_REGISTER(PLL_SYS_BASE + 0x4u)
#define PLL_PWR_CLEAR CORE_REGISTER(PLL_SYS_BASE + CLEAR_ALIAS + 0x4u)
#define PLL_FBDIV_INT CORE_REGISTER(PLL_SYS_BASE + 0x8u)
#define PLL_PRIM CORE_REGISTER(PLL_SYS_BASE + 0xCu)
#define PLL_CS_LOCK (1u << 31)
#define PLL_PWR_PD_VCOPD (1u << 0 | 1u << 5)
#define PLL_PWR_POSTDIVPD (1u << 3)
#define PLL_PRIM_POST_DIVIDERS (PLL_POST_1 << 16 | PLL_POST_2 << 12)

#define XOSC_HZ 12000000u
#define PLL_VCO_HZ ((uint64_t)BOARD_CLOCK_HZ * PLL_POST_1 * PLL_POST_2)

_Static_assert(PLL_VCO_HZ % XOSC_HZ == 0, "clock_hz times the post-dividers is a multiple of the crystal's 12 MHz");
_Static_assert(PLL_VCO_HZ >= 750000000u && PLL_VCO_HZ <= 1600000000u, "the VCO runs at 750 to 1600 MHz");

static void out_of_reset(uint32_t blocks)
{
    RESETS_RESET_CLEAR = blocks;
    while ((RESETS_DONE & blocks) != blocks) {
    }
}

/* The core from the PLL, the UART from the crystal. `pll_sys` is the PLL's bit in RESETS. */
static void clock_start(uint32_t pll_sys)
{
    XOSC_STARTUP = XOSC_STARTUP_1_MS;
    XOSC_CTRL = XOSC_CTRL_1_TO_15_MHZ_ENABLE;
    while ((XOSC_STATUS & XOSC_STATUS_STABLE) == 0) {
    }
    CLK_REF_CTRL = CLK_REF_SRC_XOSC;
    while ((CLK_REF_SELECTED & 1u << CLK_REF_SRC_XOSC) == 0) {
    }
    out_of_reset(pll_sys);
    PLL_CS = 1u; /* the crystal undivided */
    PLL_FBDIV_INT = (uint32_t)(PLL_VCO_HZ / XOSC_HZ);
    PLL_PWR_CLEAR = PLL_PWR_PD_VCOPD;
    while ((PLL_CS & PLL_CS_LOCK) == 0) {
    }
    PLL_PRIM = PLL_PRIM_POST_DIVIDERS;
    PLL_PWR_CLEAR = PLL_PWR_POSTDIVPD;
    /* Auxiliary sources are switched with glitches: only while the clock runs from the other source. */
    CLK_SYS_CTRL_CLEAR = CLK_SYS_SRC_AUX;
    while ((CLK_SYS_SELECTED & 1u) == 0) {
    }
    CLK_SYS_CTRL = 0u;
    CLK_SYS_CTRL = CLK_SYS_SRC_AUX;
    while ((CLK_SYS_SELECTED & 1u << CLK_SYS_SRC_AUX) == 0) {
    }
    CLK_PERI_CTRL = CLK_PERI_ENABLE_FROM_XOSC;
}
