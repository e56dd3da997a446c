/* The nRF51's watchdog is that of all of them. */
#include "../../nrf/wdt.h"
