/* STM32U575, U585: RM0456, memory map (non-secure alias) and chapter IWDG. */
#define IWDG_BASE 0x40003000u
#define LSI_HZ 32000u

#include "../../stm32/iwdg.h"
