#include "vector/dense.h"

#include <string.h>

#include "vector/dot.h"

#define ROWS 4

void ep_dense_vector(const ep_dense_vector_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int32_t *sums = scratch;
    int8_t *copies = (int8_t *)(sums + ROWS * layer->channels);
    for (int32_t first = 0; first < layer->rows; first += ROWS) {
        const int32_t count = layer->rows - first < ROWS ? layer->rows - first : ROWS;
        const int8_t *line[ROWS];
        for (int32_t n = 0; n < ROWS; n++) {
            if (n >= count) {
                line[n] = line[n - 1]; /* computed, and not written */
            } else if (layer->taps == layer->in_len) {
                line[n] = in + n * layer->in_len;
            } else {
                line[n] = copies + n * layer->taps;
                memcpy(copies + n * layer->taps, in + n * layer->in_len, layer->in_len);
            }
        }
        in += count * layer->in_len;
        if (count == 1) {
            ep_vector_dot1(line[0], layer->weights, layer->taps, sums, layer->channels);
        } else {
            ep_vector_dot4(line, layer->weights, layer->taps, sums, layer->channels);
        }
        for (int32_t n = 0; n < count; n++, out += layer->out_len) {
            ep_vector_finish_once(&layer->scales, sums + n * layer->channels, out, layer->out_len);
        }
    }
}
