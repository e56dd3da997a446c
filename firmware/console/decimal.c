#include "decimal.h"

#include "console.h"

/* (-1)^negative * mantissa * 2^exponent */
typedef struct {
    bool negative;
    uint64_t mantissa;
    int exponent;
} number_t;

/* Halves the mantissa until it is below `limit` and the exponent is at least `lowest`; half to even at the end. */
static void halve(number_t *number, uint64_t limit, int lowest)
{
    uint32_t half = 0; /* the bit lost last */
    uint32_t rest = 0; /* any bit lost before it */
    while (number->mantissa >= limit || (number->exponent < lowest && number->mantissa + half + rest != 0)) {
        rest |= half;
        half = (uint32_t)number->mantissa & 1u;
        number->mantissa >>= 1;
        number->exponent++;
    }
    number->mantissa += half & (rest | (uint32_t)number->mantissa);
}

static void set_float(number_t *number, uint32_t bits)
{
    uint32_t biased = bits >> 23 & 0xFFu;
    number->negative = bits >> 31 != 0;
    number->mantissa = (bits & 0x7FFFFFu) | (biased != 0 ? 0x800000u : 0);
    number->exponent = (int)(biased != 0 ? biased : 1u) - 150;
}

static uint64_t stored(const ep_tensor_t *tensor, const uint8_t *bytes)
{
    uint32_t at = tensor->element_bytes;
    uint64_t value = tensor->format == EP_SIGNED && bytes[at - 1] >> 7 != 0 ? ~0ull : 0;
    while (at-- > 0) {
        value = value << 8 | bytes[at];
    }
    return value;
}

/* (float)(integer - zero_point) * scale, in floating point's own rounding. */
static void set_dequantized(number_t *number, const ep_tensor_t *tensor, uint64_t integer)
{
    const union {
        float value;
        uint32_t bits;
    } scale = {tensor->scale};
    number->mantissa = integer - (uint64_t)(int64_t)tensor->zero_point;
    number->exponent = 0;
    number->negative = (int64_t)number->mantissa < 0;
    if (number->negative) {
        number->mantissa = 0 - number->mantissa;
    }
    if (scale.bits != 0) {
        number_t factor;
        set_float(&factor, scale.bits);
        halve(number, 1u << 24, 0);
        number->mantissa = (uint64_t)(uint32_t)number->mantissa * (uint32_t)factor.mantissa;
        number->exponent += factor.exponent;
        halve(number, 1u << 24, -149);
    }
}

void con_put_element(const ep_tensor_t *tensor, uint32_t index)
{
    uint64_t integer = stored(tensor, (const uint8_t *)tensor->data + index * tensor->element_bytes);
    number_t number;
    if (tensor->format == EP_FLOAT) {
        set_float(&number, (uint32_t)integer);
    } else {
        set_dequantized(&number, tensor, integer);
    }
    if (number.negative) {
        con_put("-");
    }
    if (number.exponent > 39) {
        con_put(number.mantissa == 0x800000u ? "inf" : "nan");
        return;
    }
    uint32_t thousandths = 0;
    if (number.exponent < 0) {
        number.mantissa *= 1000u;
        halve(&number, ~0ull, 0);
        number.mantissa = con_divide(number.mantissa, 1000, &thousandths);
    }
    for (; number.exponent > 0; number.exponent--) {
        number.mantissa <<= 1;
    }
    con_put_number(number.mantissa);
    con_put(".");
    for (uint32_t place = 100; place != 0; place /= 10) {
        con_put_byte((uint8_t)('0' + thousandths / place % 10));
    }
}
