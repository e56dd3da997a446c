/*
 * memcpy and its sisters, a word at a time: the same code under every toolchain, so instruction counts do not
 * depend on the C library that happens to be installed. Built with -fno-builtin and
 * -fno-tree-loop-distribute-patterns, or a compiler would turn each loop into a call of itself.
 */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word_t;

#if defined(__ARM_FEATURE_UNALIGNED)
typedef struct {
    uint32_t value;
} __attribute__((packed, may_alias)) loose_word_t;
#define WORDS_FIT(to, from) 1
#define LOAD(address) (((const loose_word_t *)(address))->value)
#else
/* Armv6-M has no unaligned access: words only where both ends are aligned alike. */
#define WORDS_FIT(to, from) ((((uintptr_t)(to) ^ (uintptr_t)(from)) & 3u) == 0)
#define LOAD(address) (*(const word_t *)(address))
#endif

/* Upwards, so also right when `to` lies before an overlapping `from`. */
static void copy_up(uint8_t *t, const uint8_t *f, size_t count)
{
    if (count >= 8 && WORDS_FIT(t, f)) {
        for (; ((uintptr_t)t & 3u) != 0; count--) {
            *t++ = *f++;
        }
        for (; count >= 16; count -= 16, t += 16, f += 16) {
            uint32_t a = LOAD(f), b = LOAD(f + 4), c = LOAD(f + 8), d = LOAD(f + 12);
            *(word_t *)t = a;
            *(word_t *)(t + 4) = b;
            *(word_t *)(t + 8) = c;
            *(word_t *)(t + 12) = d;
        }
        for (; count >= 4; count -= 4, t += 4, f += 4) {
            *(word_t *)t = LOAD(f);
        }
    }
    for (; count != 0; count--) {
        *t++ = *f++;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    copy_up(to, from, count);
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)to - (uintptr_t)from >= count) {
        copy_up(t, f, count);
        return to;
    }
    if (WORDS_FIT(to, from)) {
        for (; count != 0 && ((uintptr_t)(t + count) & 3u) != 0; count--) {
            t[count - 1] = f[count - 1];
        }
        for (; count >= 4; count -= 4) {
            *(word_t *)(t + count - 4) = LOAD(f + count - 4);
        }
    }
    for (; count != 0; count--) {
        t[count - 1] = f[count - 1];
    }
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    uint8_t *t = to;
    const uint32_t word = (uint8_t)byte * 0x01010101u;
    for (; count != 0 && ((uintptr_t)t & 3u) != 0; count--) {
        *t++ = (uint8_t)byte;
    }
    for (; count >= 16; count -= 16, t += 16) {
        ((word_t *)t)[0] = word;
        ((word_t *)t)[1] = word;
        ((word_t *)t)[2] = word;
        ((word_t *)t)[3] = word;
    }
    for (; count >= 4; count -= 4, t += 4) {
        *(word_t *)t = word;
    }
    for (; count != 0; count--) {
        *t++ = (uint8_t)byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (; count != 0; count--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;
    while (*end != '\0') {
        end++;
    }
    return (size_t)(end - text);
}
