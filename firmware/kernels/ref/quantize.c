#include "ep_quantize.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

EP_INLINE void quantize(const float *in, void *out, uint32_t count, float scale, int32_t zero, float far, int32_t low,
                        int32_t high, ep_store_t store)
{
    for (int32_t i = 0; i < (int32_t)count; i++) {
        const float steps = in[i] / scale;
        /* Beyond +-far every zero point clamps: the cast below stays in range, NaN becomes the lowest value. */
        const float near = steps > far ? far : (steps > -far ? steps : -far);
        const int32_t whole = (int32_t)near;
        const float rest = near - (float)whole;
        const int32_t value = zero + whole + (rest >= 0.5F ? 1 : 0) - (rest <= -0.5F ? 1 : 0);
        store(out, i, ep_clamp(value, low, high));
    }
}

EP_INLINE void dequantize(const void *in, float *out, uint32_t count, float scale, int32_t zero, ep_load_t load)
{
    for (int32_t i = 0; i < (int32_t)count; i++) {
        out[i] = scale * (float)(load(in, i) - zero);
    }
}

void ep_quantize_ref(const float *in, int8_t *out, uint32_t count, float scale, int32_t zero)
{
    quantize(in, out, count, scale, zero, 512.0F, INT8_MIN, INT8_MAX, ep_store_int8);
}

void ep_dequantize_ref(const int8_t *in, float *out, uint32_t count, float scale, int32_t zero)
{
    dequantize(in, out, count, scale, zero, ep_load_int8);
}

void ep_quantize_int16_ref(const float *in, int16_t *out, uint32_t count, float scale, int32_t zero)
{
    quantize(in, out, count, scale, zero, 131072.0F, INT16_MIN, INT16_MAX, ep_store_int16);
}

void ep_dequantize_int16_ref(const int16_t *in, float *out, uint32_t count, float scale, int32_t zero)
{
    dequantize(in, out, count, scale, zero, ep_load_int16);
}

void ep_quantize_uint8_ref(const float *in, uint8_t *out, uint32_t count, float scale, int32_t zero)
{
    quantize(in, out, count, scale, zero, 512.0F, 0, UINT8_MAX, ep_store_uint8);
}

void ep_dequantize_uint8_ref(const uint8_t *in, float *out, uint32_t count, float scale, int32_t zero)
{
    dequantize(in, out, count, scale, zero, ep_load_uint8);
}
