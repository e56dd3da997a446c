#include "ep_l2_normalization.h"

#include "ep_fixed_point.h"

#define OUTPUT_BITS 7

typedef struct {
    int32_t multiplier, shift; /* multiplier * 2^(shift - 31) */
} factor_t;

static int32_t eight_times(int32_t x)
{
    const int64_t wide = (int64_t)x * 8;
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* x^3 in Q3.28 for x in Q3.28. */
static int32_t cube(int32_t x)
{
    const int64_t wide = (int64_t)ep_multiply_high(ep_multiply_high(x, x), x) * 64;
    return wide > INT32_MAX ? INT32_MAX : (wide < INT32_MIN ? INT32_MIN : (int32_t)wide);
}

/* 1 / sqrt(value); 1 for 0. */
static factor_t inverse_root(int32_t value)
{
    const int32_t one_and_a_half = 3 << 27;
    const int32_t sqrt_half = 1518500250;
    if (value <= 1) {
        return (factor_t){INT32_MAX, 0};
    }
    int32_t down = 11;
    while (value >= 1 << 29) {
        value /= 4;
        down++;
    }
    while (value < 1 << 27) { /* an even number of bits to the left, until one more pair would reach bit 29 */
        value *= 4;
        down--;
    }
    const int32_t half = ep_shift_right_round(value >> 1, 1);
    int32_t x = 1 << 28;
    for (int32_t k = 0; k < 5; k++) {
        x = eight_times(ep_multiply_high(one_and_a_half, x) - ep_multiply_high(half, cube(x)));
    }
    const int32_t root = ep_multiply_high(x, sqrt_half);
    return down < 0 ? (factor_t){root * (1 << -down), 0} : (factor_t){root, -down};
}

void ep_l2_normalization_ref(const int8_t *in, int8_t *out, uint32_t rows, uint32_t len, int32_t in_zero)
{
    for (uint32_t n = 0; n < rows; n++, in += len, out += len) {
        int32_t squares = 0;
        for (uint32_t i = 0; i < len; i++) {
            const int32_t x = in[i] - in_zero;
            squares += x * x;
        }
        const factor_t factor = inverse_root(squares);
        for (uint32_t i = 0; i < len; i++) {
            const int32_t x = ep_requant(in[i] - in_zero, factor.multiplier, factor.shift + OUTPUT_BITS);
            out[i] = (int8_t)ep_clamp(x, INT8_MIN, INT8_MAX);
        }
    }
}
