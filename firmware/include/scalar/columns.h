/*
 * Four pixels' windows as columns of words (scalar/conv2d.h).
 *
 *   columns  [taps][EP_COLUMN_WORDS]: on ARMv6-M a word for each pixel; else 2^23 * b + a for pixels 0 and 1, 2 and 3
 *
 *   ep_put_four  taps of four pixels `step` bytes apart, in .. end of the first; adds to the sums
 *   ep_put_one   taps of pixel p; pixels 0 and 1, 2 and 3 in this order. Returns their sum
 *   ep_put_same  one value for taps of pixel p
 */
#ifndef EP_SCALAR_COLUMNS_H
#define EP_SCALAR_COLUMNS_H

#include <stdint.h>

#define EP_COLUMN_PIXELS 4U

#if defined(__ARM_ARCH_6M__)
#define EP_COLUMN_WORDS 4U
#else
#define EP_COLUMN_WORDS 2U
#define EP_LANE_BITS 23U
#endif

uint32_t *ep_put_four(const int8_t *in, const int8_t *end, uint32_t step, uint32_t *columns,
                          int32_t sums[EP_COLUMN_PIXELS]);
int32_t ep_put_one(const int8_t *in, uint32_t taps, uint32_t p, uint32_t *columns);
void ep_put_same(int32_t value, uint32_t taps, uint32_t p, uint32_t *columns);

#endif
