#include "scalar/products.h"

#include <string.h>

#include "scalar/pairs.h"
#include "scalar/single_products.h"

#define ROWS (2U * EP_PAIRS)

void ep_widen_scalar(const int8_t *x, uint32_t len, void *wide)
{
    int8_t *const values = wide;
    (void)memcpy(values, x, len);
    for (uint32_t i = len; i % 4U != 0U; i++) {
        values[i] = 0;
    }
}

static const uint32_t *in_pairs(const int8_t *x, const uint32_t *words, uint32_t run, uint32_t runs, int32_t *acc)
{
    ep_pair_t sums[EP_PAIRS];
    for (uint32_t pair = 0; pair < EP_PAIRS; pair++) {
        sums[pair].total = 0U - (runs << 15);
        sums[pair].high = 0;
    }
    words = ep_pair_runs(x, words, run, runs, sums);
    for (uint32_t pair = 0; pair < EP_PAIRS; pair++) {
        *acc++ = (int32_t)(sums[pair].total - ((uint32_t)sums[pair].high << 16));
        *acc++ = sums[pair].high;
    }
    return words;
}

/* `raised`: 128 times the sum of the vector, which the weights + 128 give too much. */
static const uint32_t *one_by_one(const int8_t *x, const uint32_t *words, uint32_t taps, int32_t raised, int32_t *acc)
{
    for (uint32_t row = 0; row < ROWS; row++, words += taps / 4U) {
        *acc++ = ep_single_products(x, (const uint8_t *)words, taps, -raised);
    }
    return words;
}

void ep_multiply_scalar(const void *weights, const void *x, uint32_t len, uint32_t rows, int32_t *acc)
{
    const uint32_t *words = weights;
    const int8_t *const values = x;
    const uint32_t taps = (len + 3U) / 4U * 4U;
    int32_t raised = 0;
    for (uint32_t i = 0; i < len; i++) {
        raised += values[i] * 128;
    }
    for (uint32_t eights = (rows + ROWS - 1U) / ROWS; eights != 0U; eights--, acc += ROWS) {
        const uint32_t run = *words & 0xFFFFU;
        const uint32_t runs = *words++ >> 16;
        words = run != 0U ? in_pairs(values, words, run, runs, acc) : one_by_one(values, words, taps, raised, acc);
    }
}
