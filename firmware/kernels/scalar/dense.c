#include "scalar/dense.h"

#include <stddef.h>
#include <string.h>

#include "scalar/arith.h"
#include "scalar/pairs.h"

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

#if defined(__ARM_ARCH_6M__)

/* Registers: r2 weight, r3 the negative place before the ends, r4 input. */
static int32_t products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    inputs += taps;
    weights += taps;
    __asm__ volatile(
        ".syntax unified\n"
        "rsbs r3, %[taps], #0\n"
        "1:\n"
        ".rept 4\n"
        "ldrb r2, [%[weights], r3]\n"
        "ldrsb r4, [%[inputs], r3]\n"
        "muls r2, r4, r2\n"
        "adds %[acc], %[acc], r2\n"
        "adds r3, #1\n"
        ".endr\n"
        "bne 1b\n"
        : [acc] "+l"(acc)
        : [inputs] "l"(inputs), [weights] "l"(weights), [taps] "l"(taps)
        : "r2", "r3", "r4", "cc", "memory");
    return acc;
}

#elif defined(__ARM_ARCH) && defined(__thumb2__)

static int32_t products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    const int8_t *const end = inputs + taps;
    int32_t input;
    uint32_t weight;
    __asm__ volatile(
        "1:\n"
        ".rept 4\n"
        "ldrb %[weight], [%[weights]], #1\n"
        "ldrsb %[input], [%[inputs]], #1\n"
        "mla %[acc], %[weight], %[input], %[acc]\n"
        ".endr\n"
        "cmp %[inputs], %[end]\n"
        "bne 1b\n"
        : [acc] "+r"(acc), [inputs] "+r"(inputs), [weights] "+r"(weights), [input] "=&r"(input), [weight] "=&r"(weight)
        : [end] "r"(end)
        : "cc", "memory");
    return acc;
}

#else

static int32_t products(const int8_t *inputs, const uint8_t *weights, uint32_t taps, int32_t acc)
{
    for (const int8_t *const end = inputs + taps; inputs != end; inputs += 4, weights += 4) {
        acc += inputs[0] * weights[0] + inputs[1] * weights[1] + inputs[2] * weights[2] + inputs[3] * weights[3];
    }
    return acc;
}

#endif

/* `raised`: 128 times the sum of the inputs, which the weights + 128 give too much. */
static int8_t one_channel(const ep_dense_scalar_t *layer, const int8_t *inputs, const uint32_t *stream, int32_t raised)
{
    const uint32_t steps = (layer->in_len + 3U) / 4U;
    const int32_t acc = products(inputs, (const uint8_t *)(stream + 1), 4U * steps, (int32_t)stream[0] - raised);
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
