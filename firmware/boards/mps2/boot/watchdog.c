/* MPS2 with the AN385, AN386 or AN500 image: Arm DAI 0385D, 0386B, 0400B, section 3 (memory map). */
#define CMSDK_CLOCK_HZ 25000000u
#define CMSDK_WATCHDOG_BASE 0x40008000u

#include "../../cmsdk/apb_watchdog.h"
