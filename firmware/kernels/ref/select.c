#include "ep_select.h"

void ep_select_ref(const ep_select_t *layer, const uint8_t *condition, const void *in1, const void *in2, void *out)
{
    const ep_axis_t run = layer->axes[0];
    const int32_t step = layer->axes2[0].step_a;
    const uint32_t bytes = layer->element_bytes;
    uint8_t *to = out;
    ep_walk_t walk = {0};
    ep_walk_t other = {0};
    do {
        const uint8_t *chooses = condition + walk.a;
        const uint8_t *a = (const uint8_t *)in1 + walk.b;
        const uint8_t *b = (const uint8_t *)in2 + other.a;
        for (uint32_t i = 0; i < run.count; i++, chooses += run.step_a, a += run.step_b, b += step, to += bytes) {
            const uint8_t *from = *chooses != 0U ? a : b;
            for (uint32_t k = 0; k < bytes; k++) {
                to[k] = from[k];
            }
        }
        (void)ep_walk_next(&other, layer->axes2 + 1, layer->rank - 1U);
    } while (ep_walk_next(&walk, layer->axes + 1, layer->rank - 1U) != 0);
}
