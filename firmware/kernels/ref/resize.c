#include "ep_resize.h"

#include <string.h>

void ep_resize_nearest_ref(const ep_resize_t *layer, const int8_t *in, int8_t *out)
{
    for (uint32_t y = 0; y < layer->out_h; y++) {
        const int8_t *row = in + layer->rows[y] * layer->in_w * layer->channels;
        for (uint32_t x = 0; x < layer->out_w; x++, out += layer->channels) {
            (void)memcpy(out, row + layer->columns[x] * layer->channels, layer->channels);
        }
    }
}

void ep_resize_bilinear_ref(const ep_resize_t *layer, const int8_t *in, int8_t *out)
{
    const int16_t *row = layer->rows;
    for (uint32_t y = 0; y < layer->out_h; y++, row += 3) {
        const int8_t *upper = in + row[0] * layer->in_w * layer->channels;
        const int8_t *lower = in + row[1] * layer->in_w * layer->channels;
        const int16_t *column = layer->columns;
        for (uint32_t x = 0; x < layer->out_w; x++, column += 3) {
            const int32_t left = column[0] * layer->channels;
            const int32_t right = column[1] * layer->channels;
            for (int32_t c = 0; c < layer->channels; c++) {
                const int32_t above = upper[left + c] * (1024 - column[2]) + upper[right + c] * column[2];
                const int32_t below = lower[left + c] * (1024 - column[2]) + lower[right + c] * column[2];
                const int32_t sum = above * (1024 - row[2]) + below * row[2];
                *out++ = (int8_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
            }
        }
    }
}
