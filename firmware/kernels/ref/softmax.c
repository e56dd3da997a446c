#include "ep_softmax.h"

#include "ep_exponential.h"

#define SUM_INTEGER_BITS 12 /* of the sum of exponentials, Q12.19 */

void ep_softmax_ref(const ep_softmax_t *layer, const int8_t *in, int8_t *out)
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
        int32_t zeros = 0; /* leading ones of the sum, which is at least 1.0 */
        while (((uint32_t)sum << (uint32_t)zeros & 0x80000000U) == 0U) {
            zeros++;
        }
        const int32_t inverse = ep_one_over_one_plus((int32_t)(((uint32_t)sum << (uint32_t)zeros) - 0x80000000U));
        const int32_t right = SUM_INTEGER_BITS - zeros + 31 - 8;
        for (uint32_t i = 0; i < layer->len; i++) {
            const int32_t diff = in[i] - max;
            int32_t value = 0;
            if (diff >= layer->diff_min) {
                const int32_t x = ep_requant(diff, layer->multiplier, layer->shift);
                value = ep_shift_right_round(ep_multiply_high(inverse, ep_exp_of_negative(x)), right);
            }
            out[i] = (int8_t)ep_clamp(value + INT8_MIN, INT8_MIN, INT8_MAX);
        }
    }
}
