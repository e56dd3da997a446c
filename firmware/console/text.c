/* Words in, words and numbers out; no printf, no division of the C library. */
#include "console.h"

#include <stddef.h>

void con_put(const char *text)
{
    while (*text != '\0') {
        con_put_byte((uint8_t)*text++);
    }
}

void con_line(const char *text)
{
    con_put(text);
    con_put("\r\n");
}

uint64_t con_divide(uint64_t numerator, uint32_t denominator, uint32_t *remainder)
{
    uint64_t quotient = 0;
    uint64_t rest = 0;
    if (numerator >> 32 == 0) {
        *remainder = (uint32_t)numerator % denominator;
        return (uint32_t)numerator / denominator;
    }
    for (int bit = 63; bit >= 0; bit--) {
        rest = rest << 1 | (numerator >> bit & 1u);
        quotient <<= 1;
        if (rest >= denominator) {
            rest -= denominator;
            quotient |= 1u;
        }
    }
    *remainder = (uint32_t)rest;
    return quotient;
}

void con_put_number(uint64_t value)
{
    char digits[21];
    char *first = digits + 20;
    *first = '\0';
    do {
        uint32_t digit;
        value = con_divide(value, 10, &digit);
        *--first = (char)('0' + digit);
    } while (value != 0);
    con_put(first);
}

void con_put_hex(uint32_t value, int digits)
{
    for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) {
        con_put_byte((uint8_t)"0123456789abcdef"[value >> shift & 15u]);
    }
}

void con_put_crc(const char *text, uint32_t value)
{
    con_put(text);
    con_put_hex(value, 8);
    con_line("");
}

void con_numbered(const char *text, uint64_t value)
{
    con_put(text);
    con_put_number(value);
    con_line("");
}

void con_bracketed(const char *text, const char *inside)
{
    con_put(text);
    con_put(inside);
    con_line("]");
}

char *con_word(char **rest)
{
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        return NULL;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = *end == '\0' ? end : end + 1;
    *end = '\0';
    return word;
}

bool con_is(const char *word, const char *expected)
{
    while (*word != '\0' && *word == *expected) {
        word++;
        expected++;
    }
    return *word == *expected;
}

bool con_number(const char *word, uint32_t *value)
{
    uint32_t total = 0;
    if (word == NULL) {
        return false;
    }
    do {
        uint32_t digit = (uint32_t)*word - '0';
        if (digit > 9 || total > (0x7FFFFFFFu - digit) / 10) {
            return false;
        }
        total = 10 * total + digit;
    } while (*++word != '\0');
    *value = total;
    return true;
}

int con_hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    char lower = (char)(digit | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool con_hex_number(const char *word, uint32_t *value)
{
    uint32_t total = 0;
    for (int i = 0; i < 8; i++) {
        int digit = word == NULL ? -1 : con_hex_digit(word[i]);
        if (digit < 0) {
            return false;
        }
        total = total << 4 | (uint32_t)digit;
    }
    *value = total;
    return word[8] == '\0';
}
