#include "dsp/slopes_int16.h"

#include "dsp/factor16.h"
#include "ep_fixed_point.h"

void ep_slopes_int16_dsp(const ep_slopes_t *layer, const int16_t *in, int16_t *out, uint32_t count)
{
    const int32_t above_left = layer->above_shift > 0 ? layer->above_shift : 0;
    const int32_t below_left = layer->below_shift > 0 ? layer->below_shift : 0;
    const ep_factor16_t above = ep_factor16(layer->above_multiplier, above_left - layer->above_shift);
    const ep_factor16_t below = ep_factor16(layer->below_multiplier, below_left - layer->below_shift);
    const int32_t above_unit = 2 << above_left;
    const int32_t below_unit = 2 << below_left;
    const int32_t low = layer->out_min;
    const int32_t high = layer->out_max;
    for (; count != 0U; count--) {
        const int32_t x = *in++;
        const int32_t real = x >= 0 ? ep_scaled16(x * above_unit, above) : ep_scaled16(x * below_unit, below);
        *out++ = (int16_t)ep_clamp(real, low, high);
    }
}
