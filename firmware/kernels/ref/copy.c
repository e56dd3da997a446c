#include "ep_copy.h"

#include <string.h>

static void copy_bytes(const ep_axis_t *axis, const uint8_t *from, int32_t a, uint8_t *to, int32_t b)
{
    const int32_t step_a = axis->step_a;
    const int32_t step_b = axis->step_b;
    for (uint32_t left = axis->count; left != 0U; left--, a += step_a, b += step_b) {
        to[b] = from[a];
    }
}

static void copy_runs(const ep_axis_t *axis, const uint8_t *from, int32_t a, uint8_t *to, int32_t b, uint32_t run_bytes)
{
    for (uint32_t left = axis->count; left != 0U; left--, a += axis->step_a, b += axis->step_b) {
        (void)memcpy(to + b, from + a, run_bytes);
    }
}

void ep_copy_ref(const ep_copy_t *layer, const void *in, void *out)
{
    const ep_axis_t *const fastest = layer->axes;
    ep_walk_t walk = {0};
    do {
        if (layer->run_bytes == 1U) {
            copy_bytes(fastest, in, walk.a, out, walk.b);
        } else {
            copy_runs(fastest, in, walk.a, out, walk.b, layer->run_bytes);
        }
    } while (ep_walk_next(&walk, fastest + 1, layer->rank - 1U) != 0);
}
