/* STM32F405, F407, F446: RM0090 and RM0390, memory map and chapter IWDG; LSI of 17 to 47 kHz. */
#define IWDG_BASE 0x40003000u
#define LSI_HZ 32000u

#include "../../stm32/iwdg.h"
