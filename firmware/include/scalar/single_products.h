/*
 * The sum of products of int8 inputs and weights that are stored as bytes + 128.
 *
 *   ep_single_products  acc + sum_i inputs[i] * weights[i]     i = 0 .. taps - 1, taps a multiple of 4, above 0
 */
#ifndef EP_SCALAR_SINGLE_PRODUCTS_H
#define EP_SCALAR_SINGLE_PRODUCTS_H

#include <stdint.h>

#if defined(__ARM_ARCH_6M__)

/* Registers: r2 weight, r3 the negative place before the ends, r4 input. */
static inline int32_t ep_single_products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    inputs += taps;
    weights += taps;
    __asm__ volatile(
        ".syntax unified\n"
        "rsbs r3, %[taps], #0\n"
        "1:\n"
        ".rept 4\n"
        "ldrb r2, [%[weights], r3]\n"
        "ldrsb r4, [%[inputs], r3]\n"
        "muls r2, r4, r2\n"
        "adds %[acc], %[acc], r2\n"
        "adds r3, #1\n"
        ".endr\n"
        "bne 1b\n"
        : [acc] "+l"(acc)
        : [inputs] "l"(inputs), [weights] "l"(weights), [taps] "l"(taps)
        : "r2", "r3", "r4", "cc", "memory");
    return acc;
}

#elif defined(__ARM_ARCH) && defined(__thumb2__)

static inline int32_t ep_single_products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    const int8_t *const end = inputs + taps;
    int32_t input;
    uint32_t weight;
    __asm__ volatile(
        "1:\n"
        ".rept 4\n"
        "ldrb %[weight], [%[weights]], #1\n"
        "ldrsb %[input], [%[inputs]], #1\n"
        "mla %[acc], %[weight], %[input], %[acc]\n"
        ".endr\n"
        "cmp %[inputs], %[end]\n"
        "bne 1b\n"
        : [acc] "+r"(acc), [inputs] "+r"(inputs), [weights] "+r"(weights), [input] "=&r"(input), [weight] "=&r"(weight)
        : [end] "r"(end)
        : "cc", "memory");
    return acc;
}

#else

static inline int32_t ep_single_products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    for (const int8_t *const end = inputs + taps; inputs != end; inputs += 4, weights += 4) {
        acc += inputs[0] * weights[0] + inputs[1] * weights[1] + inputs[2] * weights[2] + inputs[3] * weights[3];
    }
    return acc;
}

#endif
#endif
