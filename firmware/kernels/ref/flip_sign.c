#include "ep_flip_sign.h"

#define BYTES_AT_ONCE 4U

/* May be written over what was read as bytes. */
typedef uint32_t __attribute__((may_alias)) word_t;

void ep_flip_sign_ref(const void *in, void *out, uint32_t count)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    uint32_t done = 0;
    if ((((uintptr_t)from | (uintptr_t)to) & (BYTES_AT_ONCE - 1U)) == 0U) {
        const word_t *const words = in;
        word_t *const flipped = out;
        for (uint32_t i = 0; i < count / BYTES_AT_ONCE; i++) {
            flipped[i] = words[i] ^ 0x80808080U;
        }
        done = count / BYTES_AT_ONCE * BYTES_AT_ONCE;
    }
    for (; done < count; done++) {
        to[done] = (uint8_t)(from[done] ^ 0x80U);
    }
}
