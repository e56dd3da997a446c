#include "ep_sqrt_int16.h"

#include "ep_float.h"

void ep_sqrt_int16_ref(float in_scale, float out_scale, const int16_t *in, int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const float real = in[i] > 0 ? in_scale * (float)in[i] : 0.0F;
        const float steps = ep_sqrt_float(real) / out_scale;
        out[i] = steps < 32767.0F ? (int16_t)(int32_t)steps : (int16_t)32767;
    }
}
