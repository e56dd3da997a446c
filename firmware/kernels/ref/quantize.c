#include "ep_quantize.h"

void ep_quantize_ref(const float *in, int8_t *out, uint32_t count, float scale, int32_t zero)
{
    for (uint32_t i = 0; i < count; i++) {
        const float steps = in[i] / scale;
        /* Beyond +-512 every zero point clamps: the cast below stays in range, NaN becomes the lowest value. */
        const float near = steps > 512.0F ? 512.0F : (steps > -512.0F ? steps : -512.0F);
        const int32_t whole = (int32_t)near;
        const float rest = near - (float)whole;
        const int32_t value = zero + whole + (rest >= 0.5F ? 1 : 0) - (rest <= -0.5F ? 1 : 0);
        out[i] = (int8_t)(value < INT8_MIN ? INT8_MIN : (value > INT8_MAX ? INT8_MAX : value));
    }
}

void ep_dequantize_ref(const int8_t *in, float *out, uint32_t count, float scale, int32_t zero)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = scale * (float)(in[i] - zero);
    }
}
