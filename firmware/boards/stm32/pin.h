/*
 * A pin given to a peripheral: GPIO of every STM32 but the F1 (RM0090, chapter GPIO: MODER 0x0, PUPDR 0xC, AFRL 0x20,
 * AFRH 0x24).
 * The board defines GPIO_BASE before it includes this file and has the port's clock running. Pins are 16 * port + pin.
 */
#include "core.h"

#define GPIO(pin, offset) CORE_REGISTER(GPIO_BASE + 0x400u * ((pin) / 16u) + (offset))
#define GPIO_MODE_ALTERNATE 2u
#define GPIO_PULL_UP 1u

static void pin_alternate(uint32_t pin, uint32_t function)
{
    uint32_t at = pin % 16u;
    volatile uint32_t *functions = &GPIO(pin, at < 8u ? 0x20u : 0x24u);
    *functions = (*functions & ~(15u << at % 8u * 4u)) | function << at % 8u * 4u;
    GPIO(pin, 0x0u) = (GPIO(pin, 0x0u) & ~(3u << at * 2u)) | GPIO_MODE_ALTERNATE << at * 2u;
}

/* RX: an open one would be read as noise. */
static void pin_alternate_pulled_up(uint32_t pin, uint32_t function)
{
    uint32_t shift = pin % 16u * 2u;
    GPIO(pin, 0xCu) = (GPIO(pin, 0xCu) & ~(3u << shift)) | GPIO_PULL_UP << shift;
    pin_alternate(pin, function);
}
