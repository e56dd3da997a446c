#include "ep_slopes.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

EP_INLINE void slopes(const ep_slopes_t *layer, const void *in, void *out, uint32_t count, ep_load_t load,
                      ep_store_t store)
{
    for (int32_t i = 0; i < (int32_t)count; i++) {
        const int32_t x = load(in, i) - layer->in_zero;
        const int32_t real =
            x >= 0 ? ep_requant_add(x, layer->above_multiplier, layer->above_shift, layer->out_zero)
                   : ep_requant_add(x, layer->below_multiplier, layer->below_shift, layer->out_zero);
        store(out, i, ep_clamp(real, layer->out_min, layer->out_max));
    }
}

void ep_slopes_int16_ref(const ep_slopes_t *layer, const int16_t *in, int16_t *out, uint32_t count)
{
    slopes(layer, in, out, count, ep_load_int16, ep_store_int16);
}

void ep_slopes_int16_int8_ref(const ep_slopes_t *layer, const int16_t *in, int8_t *out, uint32_t count)
{
    slopes(layer, in, out, count, ep_load_int16, ep_store_int8);
}

void ep_slopes_int8_int16_ref(const ep_slopes_t *layer, const int8_t *in, int16_t *out, uint32_t count)
{
    slopes(layer, in, out, count, ep_load_int8, ep_store_int16);
}

void ep_slopes_uint8_int16_ref(const ep_slopes_t *layer, const uint8_t *in, int16_t *out, uint32_t count)
{
    slopes(layer, in, out, count, ep_load_uint8, ep_store_int16);
}
