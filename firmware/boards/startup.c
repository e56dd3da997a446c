/* From reset to main(): vector table, stack paint, floating point, .data and .bss. */
#include "board.h"
#include "core.h"
#include "image.h"
#include "stack.h"

void ep_reset(void);
void ep_fault_entry(void);
int main(void);

typedef union {
    uint32_t *stack;
    void (*handler)(void);
} vector_t;

/* Only boards that count time with SysTick define it; the others never enable that exception. */
void board_systick(void) __attribute__((weak));

/* The system exceptions; receive.h puts the interrupts behind them, where a board has any. */
__attribute__((section(".vectors"), used)) static const vector_t vectors[16] = {
    {.stack = ep_stack_top},       {.handler = ep_reset},       {.handler = ep_fault_entry},
    {.handler = ep_fault_entry},   {.handler = ep_fault_entry}, {.handler = ep_fault_entry},
    {.handler = ep_fault_entry},   {.handler = ep_fault_entry}, {.handler = ep_fault_entry},
    {.handler = ep_fault_entry},   {.handler = ep_fault_entry}, {.handler = ep_fault_entry},
    {.handler = ep_fault_entry},   {.handler = ep_fault_entry}, {.handler = ep_fault_entry},
    {.handler = board_systick},
};

/*
 * The stack lies lowest in RAM. Writes below RAM may be ignored without a fault, so a stack overflow is stopped by the
 * core: the stack limit register of Armv8-M, else an MPU region without access where there is an MPU.
 */
static void guard_stack(void)
{
#if __ARM_ARCH >= 8
    __asm volatile("msr msplim, %0" ::"r"(ep_stack_limit));
#else
    uint32_t limit = (uint32_t)ep_stack_limit;
    if (MPU_TYPE != 0) {
        uint32_t log2_bytes = 8;
        while (log2_bytes < 20 && (limit >> log2_bytes & 1u) == 0) {
            log2_bytes++;
        }
        MPU_RNR = 0;
        MPU_RBAR = limit - (1u << log2_bytes);
        MPU_RASR = MPU_RASR_NO_ACCESS_ENABLE | (log2_bytes - 1) << MPU_RASR_SIZE_SHIFT;
        MPU_CTRL = MPU_CTRL_ENABLE_PRIVDEFENA;
        __asm volatile("dsb\n isb" ::: "memory");
    }
#endif
}

static void __attribute__((noinline)) start(void)
{
    guard_stack();
    const uint32_t *from = ep_data_load;
    for (uint32_t *to = ep_data_start; to < ep_data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = ep_bss_start; to < ep_bss_end; to++) {
        *to = 0;
    }
    board_start();
    main();
}

#if __ARM_ARCH >= 8
static void begin(void);

/* A ROM that ran before may have left a stack limit of its own: it goes before anything is pushed. */
__attribute__((naked)) void ep_reset(void)
{
    __asm volatile("movs r0, #0\n"
                   "msr msplim, r0\n"
                   "b %c0\n" ::"i"(begin));
}

static void __attribute__((noinline, used)) begin(void)
#else
void ep_reset(void)
#endif
{
#if __ARM_ARCH_PROFILE == 'M' && __ARM_ARCH >= 7
    SCB_VTOR = (uint32_t)vectors;
#endif
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= CPACR_CP10_CP11_FULL;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    stack_paint(stack_pointer());
    start();
}
