#include "vector/finish.h"

#include "ep_fixed_point.h"

static inline int32_t with_bias(int32_t sum, int32_t bias)
{
    return (int32_t)((uint32_t)sum + (uint32_t)bias);
}

static inline int8_t stored(int32_t value, int32_t zero, int32_t low, int32_t high)
{
    return (int8_t)ep_clamp((int32_t)((uint32_t)value + (uint32_t)zero), low, high);
}

void ep_vector_finish_twice(const ep_vector_scales_t *scales, const int32_t *restrict sums, int8_t *restrict out,
                            int32_t channels)
{
    const int32_t *restrict bias = scales->bias, *restrict multiplier = scales->multiplier;
    const int8_t *restrict shift = scales->shift;
    const int32_t zero = scales->out_zero, low = scales->out_min, high = scales->out_max;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t by = shift[c], left = by > 0 ? by : 0, right = by < 0 ? -by : 0;
        const int32_t sum = with_bias(sums[c], bias[c]);
        const int32_t shifted = (int32_t)((uint32_t)sum << (uint32_t)left);
        out[c] = stored(ep_shift_right_round(ep_multiply_high(shifted, multiplier[c]), right), zero, low, high);
    }
}

void ep_vector_finish_once(const ep_vector_scales_t *scales, const int32_t *restrict sums, int8_t *restrict out,
                           int32_t channels)
{
    const int32_t *restrict bias = scales->bias, *restrict multiplier = scales->multiplier;
    const int8_t *restrict shift = scales->shift;
    const int32_t zero = scales->out_zero, low = scales->out_min, high = scales->out_max;
    for (int32_t c = 0; c < channels; c++) {
        const int32_t sum = with_bias(sums[c], bias[c]);
        out[c] = stored(ep_requant_once(sum, multiplier[c], shift[c]), zero, low, high);
    }
}
