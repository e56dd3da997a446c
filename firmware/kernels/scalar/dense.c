#include "scalar/dense.h"

#include <stddef.h>
#include <string.h>

#include "scalar/arith.h"
#include "scalar/pairs.h"
#include "scalar/single_products.h"

#define SCALE_WORDS 3U

static int8_t finish(const ep_dense_scalar_t *layer, int32_t acc, const uint32_t *constants)
{
    const ep_scale_t scale = {(int32_t)constants[0], (int32_t)constants[1], (int32_t)constants[2]};
    return (int8_t)ep_limit(ep_scale_once(acc, scale), layer->out_min, layer->out_max);
}

static const uint32_t *eight_channels(const ep_dense_scalar_t *layer, const int8_t *inputs, const uint32_t *stream,
                                      const uint16_t *order, int8_t *out)
{
    ep_pair_t sums[EP_PAIRS];
    for (uint32_t pair = 0; pair < EP_PAIRS; pair++) {
        sums[pair].total = stream[2U * pair];
        sums[pair].high = (int32_t)stream[2U * pair + 1U];
    }
    stream = ep_pair_runs(inputs, stream + 2U * EP_PAIRS, layer->run, layer->runs, sums);
    for (uint32_t pair = 0; pair < EP_PAIRS; pair++) {
        const int32_t high = sums[pair].high;
        const int32_t low = (int32_t)(sums[pair].total - ((uint32_t)high << 16));
        out[order[2U * pair]] = finish(layer, low, stream);
        out[order[2U * pair + 1U]] = finish(layer, high, stream + SCALE_WORDS);
        stream += 2U * SCALE_WORDS;
    }
    return stream;
}

/* `raised`: 128 times the sum of the inputs, which the weights + 128 give too much. */
static int8_t one_channel(const ep_dense_scalar_t *layer, const int8_t *inputs, const uint32_t *stream, int32_t raised)
{
    const uint32_t steps = (layer->in_len + 3U) / 4U;
    const int32_t acc = ep_single_products(inputs, (const uint8_t *)(stream + 1), 4U * steps, (int32_t)stream[0] - raised);
    return finish(layer, acc, stream + 1U + steps);
}

void ep_dense_scalar(const ep_dense_scalar_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    int8_t *const inputs = scratch;
    const uint32_t in_len = layer->in_len;
    const uint32_t steps = (in_len + 3U) / 4U;
    const uint32_t run_taps = (uint32_t)layer->run * layer->runs;
    (void)memset(inputs, 0, run_taps > 4U * steps ? run_taps : 4U * steps);
    for (uint32_t row = 0; row < layer->rows; row++, in += in_len, out += layer->out_len) {
        (void)memcpy(inputs, in, in_len);
        const uint32_t *stream = layer->groups;
        const uint32_t grouped = 2U * EP_PAIRS * layer->group_count;
        for (uint32_t o = 0; o < grouped; o += 2U * EP_PAIRS) {
            stream = eight_channels(layer, inputs, stream, layer->order + o, out);
        }
        if (grouped == layer->out_len) {
            continue;
        }
        int32_t raised = 0;
        for (uint32_t i = 0; i < in_len; i++) {
            raised += inputs[i] * 128;
        }
        stream = layer->singles;
        for (uint32_t o = grouped; o < layer->out_len; o++, stream += 1U + SCALE_WORDS + steps) {
            out[layer->order == NULL ? o : layer->order[o]] = one_channel(layer, inputs, stream, raised);
        }
    }
}
