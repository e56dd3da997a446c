#include "ep_sigmoid16.h"

#include "ep_weight.h"

/* The input in 1/12288. */
static int32_t units(const ep_sigmoid16_t *layer, int16_t in)
{
    const int32_t round = layer->shift > 0 ? (int32_t)(1U << (uint32_t)(layer->shift - 1)) : 0;
    return (int32_t)((uint32_t)(in * layer->multiplier) + (uint32_t)round) >> layer->shift;
}

/* Logistic of `distance` >= 0 in 1/65536 and `bits` bits more, `bits` bits of distance from a point to the next. */
EP_INLINE int32_t between(const uint16_t *table, int32_t distance, int32_t bits, int32_t most)
{
    const int32_t point = distance >> bits;
    if (point >= 255) {
        return most;
    }
    return (table[point] << bits) + (distance & ((1 << bits) - 1)) * (table[point + 1] - table[point]);
}

void ep_logistic_int16_ref(const ep_sigmoid16_t *layer, const int16_t *in, int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const int32_t x = units(layer, in[i]);
        const int32_t half = between(layer->table, x < 0 ? -x : x, 9, 0x7FFF << 10);
        out[i] = (int16_t)((x >= 0 ? half + (1 << 9) : (1 << 25) - half + (1 << 9) - 1) >> 10);
    }
}

void ep_tanh_int16_ref(const ep_sigmoid16_t *layer, const int16_t *in, int16_t *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const int32_t x = units(layer, in[i]);
        const int32_t half = between(layer->table, x < 0 ? -x : x, 8, 0xFFFF << 8);
        out[i] = (int16_t)((x >= 0 ? half - (1 << 23) + (1 << 7) : -half + (1 << 23) + (1 << 7) - 1) >> 8);
    }
}
