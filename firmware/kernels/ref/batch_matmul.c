#include "ep_batch_matmul.h"

#include "ep_fixed_point.h"
#include "ep_sums16.h"

void ep_batch_matmul_ref(const ep_batch_matmul_t *layer, const int8_t *in1, const int8_t *in2, int8_t *out)
{
    ep_walk_t walk = {0};
    do {
        for (int32_t m = 0; m < layer->rows; m++) {
            for (int32_t n = 0; n < layer->columns; n++) {
                const int8_t *a = in1 + walk.a + m * layer->in1_row_step;
                const int8_t *b = in2 + walk.b + n * layer->in2_column_step;
                int32_t acc = 0;
                for (int32_t k = 0; k < layer->depth; k++) {
                    acc += (a[k * layer->in1_depth_step] - layer->in1_zero)
                           * (b[k * layer->in2_depth_step] - layer->in2_zero);
                }
                acc = ep_requant_add(acc, layer->multiplier, layer->shift, layer->out_zero);
                *out++ = (int8_t)ep_clamp(acc, INT8_MIN, INT8_MAX);
            }
        }
    } while (ep_walk_next(&walk, layer->axes, layer->rank) != 0);
}

void ep_batch_matmul_int16_ref(const ep_batch_matmul_t *layer, const int16_t *in1, const int16_t *in2, int16_t *out)
{
    ep_walk_t walk = {0};
    do {
        for (int32_t m = 0; m < layer->rows; m++) {
            for (int32_t n = 0; n < layer->columns; n++) {
                const int16_t *a = in1 + walk.a + m * layer->in1_row_step;
                const int16_t *b = in2 + walk.b + n * layer->in2_column_step;
                int64_t acc = 0;
                for (int32_t k = 0; k < layer->depth; k++) {
                    acc += a[k * layer->in1_depth_step] * b[k * layer->in2_depth_step];
                }
                const int32_t real = ep_requant_wide((uint64_t)acc, layer->multiplier, layer->shift);
                *out++ = (int16_t)ep_clamp(real, INT16_MIN, INT16_MAX);
            }
        }
    } while (ep_walk_next(&walk, layer->axes, layer->rank) != 0);
}
