/* STM32H743: RM0433, memory map and chapter IWDG: IWDG1. */
#define IWDG_BASE 0x58004800u
#define LSI_HZ 32000u

#include "../../stm32/iwdg.h"
