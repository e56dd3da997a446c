/*
 * MPS3 with the AN547 image (Corstone SSE-300, Cortex-M55) as QEMU models it: Arm DAI 0547B, memory map, secure
 * aliases. Time comes from the SSE-300 system counter (Arm 101773, "System counter"): 64 bits, 32 MHz.
 */
#define CMSDK_CLOCK_HZ 32000000u
#define CMSDK_UART_BASE 0x59303000u

#include "../cmsdk/uart.h"

#define COUNTER_CONTROL CORE_REGISTER(0x58100000u)
#define COUNTER_LOW CORE_REGISTER(0x58100008u)
#define COUNTER_HIGH CORE_REGISTER(0x5810000Cu)
#define COUNTER_ENABLE 1u

/* An instruction is 2.048 ticks. */
static const board_clock_t CLOCK = {"instructions", EMULATED_HZ, 125, 255, 256};

void board_start(void)
{
    uart_start();
    COUNTER_CONTROL = COUNTER_ENABLE;
}

uint64_t board_ticks(void)
{
    for (;;) {
        uint32_t high = COUNTER_HIGH;
        uint32_t low = COUNTER_LOW;
        if (high == COUNTER_HIGH) {
            return (uint64_t)high << 32 | low;
        }
    }
}

const board_clock_t *board_clock(void)
{
    return &CLOCK;
}
