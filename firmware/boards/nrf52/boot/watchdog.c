/* The nRF52's watchdog is that of all of them. */
#include "../../nrf/wdt.h"
