#include "dsp/add_int16.h"

#include "dsp/factor16.h"
#include "ep_fixed_point.h"

void ep_add_int16_dsp(const ep_add_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out, uint32_t count)
{
    const ep_factor16_t first = ep_factor16(layer->in1_multiplier, -layer->in1_shift);
    const ep_factor16_t second = ep_factor16(layer->in2_multiplier, -layer->in2_shift);
    const ep_factor16_t result = ep_factor16(layer->out_multiplier, -layer->out_shift);
    const int32_t low = layer->out_min;
    const int32_t high = layer->out_max;
    for (; count != 0U; count--) {
        const int32_t sum = ep_scaled16(*in1++ * (1 << 16), first) + ep_scaled16(*in2++ * (1 << 16), second);
        *out++ = (int16_t)ep_clamp(ep_scaled16(sum * 2, result), low, high);
    }
}
