#include "decimal.h"

#include <string.h>

#include "console.h"

/* value = mantissa * 2^exponent */
typedef struct {
    bool negative;
    uint64_t mantissa;
    int exponent;
} number_t;

/* value / 2^shift, rounded half to even. */
static uint64_t shift_right(uint64_t value, int shift)
{
    if (shift <= 0) {
        return value;
    }
    if (shift > 63) {
        return 0; /* mantissas here stay below 2^58 */
    }
    uint64_t kept = value >> shift;
    uint64_t lost = value & ((1ull << shift) - 1u);
    uint64_t half = 1ull << (shift - 1);
    return kept + (lost > half || (lost == half && (kept & 1u) != 0));
}

static number_t from_float(uint32_t bits)
{
    int biased = (int)(bits >> 23 & 0xFFu);
    number_t number = {bits >> 31 != 0, bits & 0x7FFFFFu, biased == 0 ? -149 : biased - 150};
    if (biased != 0) {
        number.mantissa |= 0x800000u;
    }
    return number;
}

/* To the 24 bits a float keeps. */
static number_t rounded(number_t number)
{
    int excess = 0;
    while (number.mantissa >> excess >> 24 != 0) {
        excess++;
    }
    number.mantissa = shift_right(number.mantissa, excess);
    number.exponent += excess;
    return number;
}

static int64_t stored_integer(const ep_tensor_t *tensor, uint32_t index)
{
    const uint8_t *bytes = (const uint8_t *)tensor->data + (uint64_t)index * tensor->element_bytes;
    uint64_t value = 0;
    for (int i = tensor->element_bytes - 1; i >= 0; i--) {
        value = value << 8 | bytes[i];
    }
    if (tensor->format == EP_SIGNED) {
        int unused = 64 - 8 * tensor->element_bytes;
        return (int64_t)(value << unused) >> unused;
    }
    return (int64_t)value;
}

static number_t dequantized(const ep_tensor_t *tensor, uint32_t index)
{
    int64_t difference = stored_integer(tensor, index) - tensor->zero_point;
    number_t number = {difference < 0, (uint64_t)(difference < 0 ? -difference : difference), 0};
    uint32_t bits;
    memcpy(&bits, &tensor->scale, sizeof bits);
    if ((bits & 0x7FFFFFFFu) != 0) {
        number_t scale = from_float(bits);
        number = rounded(number);
        number.mantissa *= scale.mantissa;
        number.exponent += scale.exponent;
        number = rounded(number);
    }
    return number;
}

void con_put_element(const ep_tensor_t *tensor, uint32_t index)
{
    number_t number;
    if (tensor->format == EP_FLOAT) {
        uint32_t bits = (uint32_t)stored_integer(tensor, index);
        number = from_float(bits);
        if ((bits >> 23 & 0xFFu) == 0xFFu && (bits & 0x7FFFFFu) != 0) {
            con_put("nan");
            return;
        }
    } else {
        number = dequantized(tensor, index);
    }
    if (number.negative) {
        con_put("-");
    }
    if (number.exponent > 39) {
        con_put("inf");
        return;
    }
    uint64_t whole = number.exponent >= 0 ? number.mantissa << number.exponent : 0;
    uint32_t thousandths = 0;
    if (number.exponent < 0) {
        whole = con_divide(shift_right(number.mantissa * 1000u, -number.exponent), 1000, &thousandths);
    }
    con_put_number(whole);
    con_put(".");
    con_put_byte((uint8_t)('0' + thousandths / 100));
    con_put_byte((uint8_t)('0' + thousandths / 10 % 10));
    con_put_byte((uint8_t)('0' + thousandths % 10));
}
