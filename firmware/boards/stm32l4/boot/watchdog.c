/* STM32L4+: RM0432, memory map and chapter IWDG. */
#define IWDG_BASE 0x40003000u
#define LSI_HZ 32000u

#include "../../stm32/iwdg.h"
