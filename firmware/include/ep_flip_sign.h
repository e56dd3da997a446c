/*
 * The same real values as int8 and as uint8: the top bit of every byte turns over, either way.
 *
 *   out[i] = in[i] ^ 0x80
 *
 *   in   int8 or uint8  [count]    real = (q - zero) * scale
 *   out  the other one  [count]    real = (q - zero -+ 128) * scale
 *
 * Scratch: 0 bytes. Align: 1 byte, faster at 4. Order: ascending; in place.
 * Proof:   tests/firmware/operators/test_quantize.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_FLIP_SIGN_H
#define EP_FLIP_SIGN_H

#include <stdint.h>

void ep_flip_sign_ref(const void *in, void *out, uint32_t count);

#endif
