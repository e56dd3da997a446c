#include "ep_resize.h"

#include <string.h>

#include "ep_element.h"

void ep_resize_nearest_ref(const ep_resize_t *layer, const void *in, void *out)
{
    const uint32_t pixel_bytes = layer->channels;
    uint8_t *to = out;
    for (uint32_t y = 0; y < layer->out_h; y++) {
        const uint8_t *row = (const uint8_t *)in + (uint32_t)(layer->rows[y] * layer->in_w) * pixel_bytes;
        for (uint32_t x = 0; x < layer->out_w; x++, to += pixel_bytes) {
            (void)memcpy(to, row + (uint32_t)layer->columns[x] * pixel_bytes, pixel_bytes);
        }
    }
}

/* round((above * (1024 - dy) + below * dy) / 2^20) */
typedef int32_t (*mixed_t)(int32_t above, int32_t below, int32_t dy);

EP_INLINE int32_t mixed(int32_t above, int32_t below, int32_t dy)
{
    const int32_t sum = above * (1024 - dy) + below * dy;
    return (sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20);
}

EP_INLINE int32_t mixed_wide(int32_t above, int32_t below, int32_t dy)
{
    const int64_t sum = (int64_t)above * (1024 - dy) + (int64_t)below * dy;
    return (int32_t)((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
}

EP_INLINE void bilinear(const ep_resize_t *layer, const void *in, void *out, mixed_t mix, ep_load_t load,
                        ep_store_t store)
{
    const int16_t *row = layer->rows;
    int32_t to = 0;
    for (uint32_t y = 0; y < layer->out_h; y++, row += 3) {
        const int32_t upper = row[0] * layer->in_w * layer->channels;
        const int32_t lower = row[1] * layer->in_w * layer->channels;
        const int16_t *column = layer->columns;
        for (uint32_t x = 0; x < layer->out_w; x++, column += 3) {
            const int32_t left = column[0] * layer->channels;
            const int32_t right = column[1] * layer->channels;
            const int32_t dx = column[2];
            for (int32_t c = 0; c < layer->channels; c++) {
                const int32_t above = load(in, upper + left + c) * (1024 - dx) + load(in, upper + right + c) * dx;
                const int32_t below = load(in, lower + left + c) * (1024 - dx) + load(in, lower + right + c) * dx;
                store(out, to++, mix(above, below, row[2]));
            }
        }
    }
}

void ep_resize_bilinear_ref(const ep_resize_t *layer, const int8_t *in, int8_t *out)
{
    bilinear(layer, in, out, mixed, ep_load_int8, ep_store_int8);
}

void ep_resize_bilinear_int16_ref(const ep_resize_t *layer, const int16_t *in, int16_t *out)
{
    bilinear(layer, in, out, mixed_wide, ep_load_int16, ep_store_int16);
}
