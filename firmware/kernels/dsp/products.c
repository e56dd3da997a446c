#include "dsp/products.h"

#include "dsp/arith.h"
#include "ep_straight.h"

#define PAIRS 3

void ep_widen_dsp(const int8_t *x, uint32_t len, void *wide)
{
    uint32_t *words = wide;
    for (; len >= 4U; len -= 4U, x += 4, words += 2) {
        const uint32_t four = ep_load_word(x);
        words[0] = ep_sxtb16(four);
        words[1] = ep_sxtb16_ror8(four);
    }
    if (len != 0U) {
        uint32_t four = 0;
        for (uint32_t i = 0; i < len; i++) {
            four |= (uint32_t)(uint8_t)x[i] << (8U * i);
        }
        words[0] = ep_sxtb16(four);
        words[1] = ep_sxtb16_ror8(four);
    }
}

/* Adds two inputs' products of three pairs of rows. */
static inline void add_two(uint32_t inputs, const uint32_t *lanes, int32_t both[PAIRS], int32_t low[PAIRS])
{
    EP_STRAIGHT
    for (int32_t pair = 0; pair < PAIRS; pair++) {
        both[pair] = ep_smlad(inputs, lanes[pair], both[pair]);
        low[pair] = ep_smlad(inputs, ep_sxtb16(lanes[pair]), low[pair]);
    }
}

EP_AS_WRITTEN void ep_multiply_dsp(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc)
{
    const uint32_t *lanes = weights;
    const uint32_t *const words = x;
    const uint32_t *const end = words + (len + 3U) / 4U * 2U;
    for (uint32_t sixes = (rows + 2U * PAIRS - 1U) / (2U * PAIRS); sixes != 0U; sixes--) {
        int32_t both[PAIRS] = {0};
        int32_t low[PAIRS] = {0};
        for (const uint32_t *word = words; word != end; word += 2) {
            add_two(word[0], lanes, both, low);
            add_two(word[1], lanes + PAIRS, both, low);
            lanes += 2 * PAIRS;
        }
        EP_STRAIGHT
        for (int32_t pair = 0; pair < PAIRS; pair++) {
            *acc++ = low[pair];
            *acc++ = (int32_t)((uint32_t)both[pair] - (uint32_t)low[pair]) >> 8;
        }
    }
}

/* Two values one place to the left; the sum of their products. */
static inline int32_t shift_two(int16_t *memory, const int16_t *times, int32_t sum)
{
    const uint32_t two = ep_load_word(memory + 1);
    ((ep_loose_word_t *)(void *)memory)->word = two;
    return ep_smlad(two, ep_load_word(times), sum);
}

int32_t ep_push_dsp(int16_t *memory, const int16_t *times, uint32_t len, int32_t newest)
{
    int32_t sum = 0;
    uint32_t left = len - 1U;
    for (; left >= 8U; left -= 8U, memory += 8, times += 8) {
        EP_STRAIGHT
        for (int32_t t = 0; t < 8; t += 2) {
            sum = shift_two(memory + t, times + t, sum);
        }
    }
    for (; left >= 2U; left -= 2U, memory += 2, times += 2) {
        sum = shift_two(memory, times, sum);
    }
    uint32_t rest = 0;
    if (left != 0U) {
        memory[0] = memory[1];
        rest = (uint32_t)(*memory++ * *times++);
    }
    memory[0] = (int16_t)newest;
    return (int32_t)((uint32_t)sum + rest + (uint32_t)(newest * times[0]));
}
