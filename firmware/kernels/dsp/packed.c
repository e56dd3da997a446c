#include <string.h>

#include "dsp/arith.h"
#include "ep_packed.h"

#define KEEP(value) __asm__("" : "+r"(value)) /* in a register; the compiler would work it out again and again */

/* Lays a filter out, zeros too, as the lanes that meet a word of input widened: of four inputs 0 and 2, then 1 and 3. */
static void widen(const ep_conv2d_packed_t *layer, const uint32_t *items, const uint32_t *end, int16_t *lanes)
{
    const uint32_t row_lanes = (layer->kernel_w * layer->in_c + 3U) & ~3U;
    (void)memset(lanes, 0, 4U * layer->lane_words);
    for (; items != end; items++) {
        const uint32_t offset = *items & 0xFFFFU;
        const uint32_t row = offset / layer->window_row_bytes;
        const uint32_t place = offset - row * layer->window_row_bytes + row * row_lanes;
        const uint32_t lane = (place & 1U) << 1 | (place & 2U) >> 1;
        lanes[(place & ~3U) | lane] = (int16_t)(*items >> 16);
    }
}

/* Adds a kernel row's products of four windows. A function of its own has all registers to itself. */
static __attribute__((noinline)) void add_products(const int16_t *lanes, const int16_t *end, const int8_t *row,
                                                   uint32_t step, int32_t sums[EP_PACKED_PIXELS])
{
    uint32_t three = 3U * step;
    int32_t a = sums[0];
    int32_t b = sums[1];
    int32_t c = sums[2];
    int32_t d = sums[3];
    KEEP(three);
    do {
        const uint32_t even = ep_load_word(lanes);
        const uint32_t odd = ep_load_word(lanes + 2);
        uint32_t inputs = ep_load_word(row);
        a = ep_smlad(ep_sxtb16(inputs), even, a);
        a = ep_smlad(ep_sxtb16_ror8(inputs), odd, a);
        inputs = ep_load_word(row + step);
        b = ep_smlad(ep_sxtb16(inputs), even, b);
        b = ep_smlad(ep_sxtb16_ror8(inputs), odd, b);
        inputs = ep_load_word(row + 2U * step);
        c = ep_smlad(ep_sxtb16(inputs), even, c);
        c = ep_smlad(ep_sxtb16_ror8(inputs), odd, c);
        inputs = ep_load_word(row + three);
        d = ep_smlad(ep_sxtb16(inputs), even, d);
        d = ep_smlad(ep_sxtb16_ror8(inputs), odd, d);
        lanes += 4;
        row += 4;
    } while (lanes != end);
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static void filter(const ep_conv2d_packed_t *layer, uint32_t channel, uint32_t *items, const uint32_t *end,
                   const int8_t *rows, uint32_t height, int8_t *out)
{
    int16_t *const lanes = (int16_t *)(items + layer->most_weights);
    const uint32_t row_lanes = (layer->kernel_w * layer->in_c + 3U) & ~3U;
    const int32_t bias = layer->bias[channel];
    widen(layer, items, end, lanes);
    out += channel;
    for (; height != 0U; height--) {
        const int8_t *window = rows;
        for (uint32_t left = layer->out_w; left != 0U;) {
            const uint32_t count = left < EP_PACKED_PIXELS ? left : EP_PACKED_PIXELS;
            int32_t sums[EP_PACKED_PIXELS] = {bias, bias, bias, bias};
            const int16_t *row_end = lanes;
            for (uint32_t row = 0; row < layer->kernel_h; row++) {
                const int16_t *const first = row_end;
                row_end += row_lanes;
                add_products(first, row_end, window + row * layer->window_row_bytes, layer->pixel_bytes, sums);
            }
            ep_packed_finish(layer, channel, sums, sums + count, out);
            window += EP_PACKED_PIXELS * layer->pixel_bytes;
            out += count * layer->out_c;
            left -= count;
        }
        rows += (uint32_t)layer->stride_h * layer->window_row_bytes;
    }
}

void ep_conv2d_packed_dsp(const ep_conv2d_packed_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    ep_conv2d_packed(layer, in, out, scratch, filter);
}
