/* The least that runs C on QEMU's mps2 boards: a vector table, a clock that counts instructions, text out, an end. */
#include <stdint.h>
#include <stdio.h>

#define TIMER0 ((volatile uint32_t *)0x40000000U)
#define UART0 ((volatile uint32_t *)0x40004000U)
#define CPACR (*(volatile uint32_t *)0xE000ED88U)

int main(void);
extern uint32_t stack_top;

/* 1.6 timer ticks an instruction under `-icount shift=6`. */
uint32_t instructions(void)
{
    return (uint32_t)((uint64_t)(0xFFFFFFFFU - TIMER0[1]) * 5U / 8U);
}

static void leave(void)
{
    register uint32_t call __asm__("r0") = 0x18; /* SYS_EXIT */
    register uint32_t reason __asm__("r1") = 0x20026; /* ADP_Stopped_ApplicationExit */
    __asm__ volatile("bkpt 0xAB" : : "r"(call), "r"(reason));
    for (;;) {
    }
}

static void fault(void)
{
    printf("fault\n");
    leave();
}

static void reset(void)
{
    CPACR |= 0xFU << 20;
    TIMER0[2] = 0xFFFFFFFFU;
    TIMER0[1] = 0xFFFFFFFFU;
    TIMER0[0] = 1;
    UART0[2] = 1;
    (void)main();
    leave();
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))&stack_top, reset, fault, fault, fault, fault, fault,
};

int _write(int file, const char *text, int count);
int _write(int file, const char *text, int count)
{
    (void)file;
    for (int i = 0; i < count; i++) {
        UART0[0] = (uint32_t)(uint8_t)text[i];
    }
    return count;
}
