#include "ep_pool.h"

#include "ep_element.h"
#include "ep_fixed_point.h"

/* The part of a window that lies inside the image: rows [top, bottom), columns [left, right). */
typedef struct {
    int32_t top, bottom, left, right;
} window_t;

static window_t window_at(const ep_pool_t *layer, int32_t y, int32_t x)
{
    const int32_t row = y * layer->stride_h - layer->pad_top;
    const int32_t column = x * layer->stride_w - layer->pad_left;
    const window_t window = {
        .top = row < 0 ? 0 : row,
        .bottom = row + layer->window_h > layer->in_h ? layer->in_h : row + layer->window_h,
        .left = column < 0 ? 0 : column,
        .right = column + layer->window_w > layer->in_w ? layer->in_w : column + layer->window_w,
    };
    return window;
}

EP_INLINE int32_t window_mean(const ep_pool_t *layer, const void *in, int32_t c, window_t window, ep_load_t load)
{
    int32_t sum = 0;
    for (int32_t i = window.top; i < window.bottom; i++) {
        for (int32_t j = window.left; j < window.right; j++) {
            sum += load(in, (i * layer->in_w + j) * layer->channels + c);
        }
    }
    const int32_t taps = (window.bottom - window.top) * (window.right - window.left);
    return sum > 0 ? (sum + taps / 2) / taps : (sum - taps / 2) / taps;
}

EP_INLINE int32_t window_max(const ep_pool_t *layer, const void *in, int32_t c, window_t window, ep_load_t load)
{
    int32_t max = INT16_MIN;
    for (int32_t i = window.top; i < window.bottom; i++) {
        for (int32_t j = window.left; j < window.right; j++) {
            const int32_t value = load(in, (i * layer->in_w + j) * layer->channels + c);
            max = value > max ? value : max;
        }
    }
    return max;
}

typedef int32_t (*folded_t)(const ep_pool_t *layer, const void *in, int32_t c, window_t window, ep_load_t load);

EP_INLINE void pool(const ep_pool_t *layer, const void *in, void *out, folded_t folded, ep_load_t load, ep_store_t store)
{
    int32_t to = 0;
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            const window_t window = window_at(layer, y, x);
            for (int32_t c = 0; c < layer->channels; c++) {
                const int32_t value = folded(layer, in, c, window, load);
                store(out, to++, ep_clamp(value, layer->out_min, layer->out_max));
            }
        }
    }
}

void ep_average_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out)
{
    pool(layer, in, out, window_mean, ep_load_int8, ep_store_int8);
}

void ep_max_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out)
{
    pool(layer, in, out, window_max, ep_load_int8, ep_store_int8);
}

void ep_average_pool_int16_ref(const ep_pool_t *layer, const int16_t *in, int16_t *out)
{
    pool(layer, in, out, window_mean, ep_load_int16, ep_store_int16);
}

void ep_max_pool_int16_ref(const ep_pool_t *layer, const int16_t *in, int16_t *out)
{
    pool(layer, in, out, window_max, ep_load_int16, ep_store_int16);
}
