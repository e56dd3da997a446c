#include "ep_float_pool.h"

#include "ep_float.h"

static int32_t clipped(int32_t x, int32_t most)
{
    return x < 0 ? 0 : x > most ? most : x;
}

/* FIRST is what an output begins with, NEXT what it becomes with the value x, LAST after `taps` of them. */
#define EP_FLOAT_POOL(NAME, FIRST, NEXT, LAST)                                                         \
    void NAME(const ep_float_pool_t *layer, const float *in, float *out)                               \
    {                                                                                                  \
        for (int32_t y = 0; y < layer->out_h; y++) {                                                   \
            const int32_t row = y * layer->stride_h - layer->pad_top;                                  \
            const int32_t top = clipped(row, layer->in_h);                                             \
            const int32_t bottom = clipped(row + layer->window_h, layer->in_h);                        \
            for (int32_t x = 0; x < layer->out_w; x++) {                                               \
                const int32_t column = x * layer->stride_w - layer->pad_left;                          \
                const int32_t left = clipped(column, layer->in_w);                                     \
                const int32_t right = clipped(column + layer->window_w, layer->in_w);                  \
                const float taps = (float)((bottom - top) * (right - left));                           \
                for (int32_t c = 0; c < layer->channels; c++) {                                        \
                    float all = FIRST;                                                                 \
                    for (int32_t i = top; i < bottom; i++) {                                           \
                        for (int32_t j = left; j < right; j++) {                                       \
                            const float tap = in[(i * layer->in_w + j) * layer->channels + c];         \
                            all = NEXT;                                                                \
                        }                                                                              \
                    }                                                                                  \
                    const float value = LAST;                                                          \
                    const float above = value < layer->low ? layer->low : value;                       \
                    *out++ = above > layer->high ? layer->high : above;                                \
                }                                                                                      \
                (void)taps;                                                                            \
            }                                                                                          \
        }                                                                                              \
    }

EP_FLOAT_POOL(ep_average_pool_float_ref, 0.0F, all + tap, all / taps)
EP_FLOAT_POOL(ep_max_pool_float_ref, -3.4028234e38F, tap > all ? tap : all, all)
EP_FLOAT_POOL(ep_l2_pool_float_ref, 0.0F, all + tap * tap, ep_sqrt_float(all / taps))
