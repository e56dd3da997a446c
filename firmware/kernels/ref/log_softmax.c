#include "ep_log_softmax.h"

#include "ep_exponential.h"

#define OUTPUT_ZERO 127
#define OUTPUT_SHIFT 22      /* from Q5.26 to sixteenths */
#define SUM_INTEGER_BITS 12  /* of the sum of exponentials, Q12.19 */
#define SQRT_HALF 1518500250 /* Q0.31 */

static int32_t leading_zeros(uint32_t x)
{
    int32_t count = 0;
    while (count < 32 && (x << (uint32_t)count & 0x80000000U) == 0U) {
        count++;
    }
    return count;
}

static int32_t shift_left(int32_t x, int32_t bits)
{
    const int64_t shifted = (int64_t)x * (1LL << bits);
    return shifted > INT32_MAX ? INT32_MAX : (shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted);
}

/*
 * log(x) in Q5.26 for x >= 1 in Q12.19.
 *
 * x is brought into [sqrt(1/2), 1) twice, by a power of two as it is and times sqrt(1/2); of the lesser one r the
 * logarithm is a quotient of polynomials around the fourth root of 1/2.
 */
static int32_t log_of_sum(int32_t x)
{
    const int32_t log_of_2 = 1488522236;
    const int32_t fourth_root_of_half = 1805811301;
    const int32_t quarter = 1 << 24;
    const int32_t numerator_cube = 117049297;    /* 11/240 * 2^(1/4) */
    const int32_t denominator_square = 127690142; /* 1/20 * 2^(1/4) */
    const int32_t denominator_one = 1057819769;  /* 2 / 2^(1/4) - 2^(1/4) */
    const int32_t denominator_line = 638450708;  /* 1/4 * 2^(1/4) */

    const int32_t zeros1 = leading_zeros((uint32_t)x);
    const int32_t r1 = shift_left(ep_multiply_high(shift_left(x, zeros1 - 1), SQRT_HALF), 1);
    const int32_t power1 = (SUM_INTEGER_BITS - zeros1) * (1 << EP_EXP_FRACTION_BITS) + quarter;
    const int32_t zeros2 = leading_zeros((uint32_t)ep_multiply_high(x, SQRT_HALF)) - 1;
    const int32_t r2 = shift_left(x, zeros2);
    const int32_t power2 = (SUM_INTEGER_BITS - zeros2) * (1 << EP_EXP_FRACTION_BITS) - quarter;
    const int32_t r = r1 < r2 ? r1 : r2;
    const int32_t power = power1 > power2 ? power1 : power2;

    const int64_t sum = (int64_t)r + fourth_root_of_half;
    const int32_t p = (int32_t)((sum + (sum >= 0 ? 1 : -1)) / 2);
    const int32_t q = 2 * (r - fourth_root_of_half);
    const int32_t q2 = ep_multiply_high(q, q);
    const int32_t numerator =
        ep_multiply_high(q, r) + ep_multiply_high(ep_multiply_high(q, q2), numerator_cube);
    const int32_t denominator =
        ep_multiply_high(p, denominator_one + q + ep_multiply_high(denominator_square, q2)) +
        ep_multiply_high(denominator_line, q);
    const int32_t quotient = ep_multiply_high(ep_shift_right_round(numerator, 5), ep_one_over_one_plus(denominator));
    return ep_multiply_high(power, log_of_2) + quotient;
}

void ep_log_softmax_ref(const ep_log_softmax_t *layer, const int8_t *in, int8_t *out)
{
    for (uint32_t n = 0; n < layer->rows; n++, in += layer->len, out += layer->len) {
        int32_t max = INT8_MIN;
        for (uint32_t i = 0; i < layer->len; i++) {
            max = in[i] > max ? in[i] : max;
        }
        int32_t sum = 0; /* Q12.19 */
        for (uint32_t i = 0; i < layer->len; i++) {
            const int32_t diff = in[i] - max;
            if (diff >= layer->diff_min) {
                const int32_t x = ep_requant(diff, layer->multiplier, layer->shift);
                sum += ep_shift_right_round(ep_exp_of_negative(x), SUM_INTEGER_BITS);
            }
        }
        const int32_t logarithm = log_of_sum(sum);
        const int32_t reach =
            ep_requant(INT32_MIN + logarithm, layer->reverse_multiplier, layer->reverse_shift);
        const int32_t least = reach > layer->diff_min - 1 ? reach : layer->diff_min - 1;
        for (uint32_t i = 0; i < layer->len; i++) {
            const int32_t diff = in[i] - max;
            int32_t value = INT8_MIN;
            if (diff > least) {
                const int32_t x = ep_requant(diff, layer->multiplier, layer->shift);
                value = ep_shift_right_round(x - logarithm, OUTPUT_SHIFT) + OUTPUT_ZERO;
            }
            out[i] = (int8_t)ep_clamp(value, INT8_MIN, INT8_MAX);
        }
    }
}
