/* STM32F100: RM0041, memory map and chapter IWDG; LSI of 30 to 60 kHz. */
#define IWDG_BASE 0x40003000u
#define LSI_HZ 40000u

#include "../../stm32/iwdg.h"
