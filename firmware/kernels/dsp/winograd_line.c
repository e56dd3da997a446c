#include <string.h>

#include "dsp/winograd_tile.h"

#define LINE_PIXELS 10

const int8_t *ep_winograd_line(const ep_winograd_t *layer, const int8_t *in, int32_t y, int32_t x, int8_t *line)
{
    const int32_t channels = layer->in_c;
    if (y >= 0 && y < layer->h && x >= 0 && x + LINE_PIXELS <= layer->w) {
        return in + (y * layer->w + x) * channels;
    }
    int32_t first = x + LINE_PIXELS;
    int32_t last = first;
    if (y >= 0 && y < layer->h) {
        first = x < 0 ? 0 : x;
        last = last > layer->w ? layer->w : last;
        memcpy(line + (first - x) * channels, in + (y * layer->w + first) * channels,
               (uint32_t)((last - first) * channels));
    }
    memset(line, layer->in_zero, (uint32_t)((first - x) * channels));
    memset(line + (last - x) * channels, layer->in_zero, (uint32_t)((x + LINE_PIXELS - last) * channels));
    return line;
}
