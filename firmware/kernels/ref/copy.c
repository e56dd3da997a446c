#include "ep_copy.h"

#include <string.h>

void ep_copy_ref(const ep_copy_t *layer, const void *in, void *out)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    ep_walk_t walk = {0};
    do {
        (void)memcpy(to + walk.b, from + walk.a, layer->run_bytes);
    } while (ep_walk_next(&walk, layer->axes, layer->rank) != 0);
}
