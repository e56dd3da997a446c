#include "mve/dense.h"

#include "ep_fixed_point.h"
#include "mve/tile.h"
#include "mve/vector.h"

void ep_dense_mve(const ep_dense_mve_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int8_t *const column = scratch;
    ep_mve_tile_job_t job;
    job.column_a = job.column_b = column;
    job.steps = layer->in_len / 16U;
    job.tail = layer->in_len % 16U;
    job.out_zero = layer->out_zero;
    job.out_min = layer->out_min;
    job.out_max = layer->out_max;
    for (uint32_t row = 0; row < layer->rows; row++) {
        ep_mve_copy(column, in, layer->in_len);
        const int32_t *stream = layer->stream;
        job.out_a = job.out_b = out;
        job.groups = layer->out_len / 4U;
        if (job.groups != 0U) {
            stream = ep_mve_tile_once(&job, stream);
        }
        for (uint32_t channel = layer->out_len & ~3U; channel < layer->out_len; channel++) {
            const int32_t acc = ep_mve_dot(column, (const int8_t *)(stream + 3), layer->in_len, stream[0]);
            const int32_t scaled = ep_requant_once(acc, stream[1], stream[2]) + layer->out_zero;
            out[channel] = (int8_t)ep_clamp(scaled, layer->out_min, layer->out_max);
            stream += 3U + (layer->in_len + 3U) / 4U;
        }
        in += layer->in_len;
        out += layer->out_len;
    }
}
