/*
 * How sure an early exit is: by how much its largest value leads the second largest.
 *
 *   margin = largest - second largest; 0 where the two are equal
 *
 *   answer  int8    [count]   real = (q - zero) * scale
 *   margin  uint32  0..255    times scale: the logarithm of how much likelier the best class is than the next
 *
 * Range:   count >= 2.
 * Scratch: 0 bytes. Align: 1 byte.
 * Proof:   tests/firmware/operators/test_early_exit.py, LiteRT's reference interpreter and the same rule in numpy.
 */
#ifndef EP_EARLY_EXIT_H
#define EP_EARLY_EXIT_H

#include <stdbool.h>
#include <stdint.h>

uint32_t ep_margin_ref(const int8_t *answer, uint32_t count);

#endif
