#include "ep_pool.h"

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

static int32_t window_mean(const ep_pool_t *layer, const int8_t *channel, window_t window)
{
    int32_t sum = 0;
    for (int32_t i = window.top; i < window.bottom; i++) {
        for (int32_t j = window.left; j < window.right; j++) {
            sum += channel[(i * layer->in_w + j) * layer->channels];
        }
    }
    const int32_t taps = (window.bottom - window.top) * (window.right - window.left);
    return sum > 0 ? (sum + taps / 2) / taps : (sum - taps / 2) / taps;
}

static int32_t window_max(const ep_pool_t *layer, const int8_t *channel, window_t window)
{
    int32_t max = INT8_MIN;
    for (int32_t i = window.top; i < window.bottom; i++) {
        for (int32_t j = window.left; j < window.right; j++) {
            const int32_t value = channel[(i * layer->in_w + j) * layer->channels];
            max = value > max ? value : max;
        }
    }
    return max;
}

void ep_average_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            const window_t window = window_at(layer, y, x);
            for (int32_t c = 0; c < layer->channels; c++) {
                *out++ = (int8_t)ep_clamp(window_mean(layer, in + c, window), layer->out_min, layer->out_max);
            }
        }
    }
}

void ep_max_pool_ref(const ep_pool_t *layer, const int8_t *in, int8_t *out)
{
    for (int32_t y = 0; y < layer->out_h; y++) {
        for (int32_t x = 0; x < layer->out_w; x++) {
            const window_t window = window_at(layer, y, x);
            for (int32_t c = 0; c < layer->channels; c++) {
                *out++ = (int8_t)ep_clamp(window_max(layer, in + c, window), layer->out_min, layer->out_max);
            }
        }
    }
}
