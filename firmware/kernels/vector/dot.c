#include "vector/dot.h"

#if defined(__ARM_FEATURE_DOTPROD)
/* One product after the other: compilers know this loop as SDOT. */
#define HALVES 1
#define PRODUCT(x, w) ((x)[k] * (w)[k])
#else
#define HALVES 2
#define PRODUCT(x, w) ((int16_t)((x)[k] * (w)[k] + (x)[k + length] * (w)[k + length]))
#endif

/* Two of the channels: eight sums stay in registers, with what is loaded for them. */
static inline void dot4x2(const int8_t *const x[4], const int8_t *weights, int32_t taps, int32_t *sums, int32_t row)
{
    const int32_t length = taps / 16 * (16 / HALVES); /* a multiple of 8, and the compiler knows it */
    const int8_t *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *w0 = weights, *w1 = w0 + taps;
    int32_t s00 = 0, s01 = 0, s10 = 0, s11 = 0, s20 = 0, s21 = 0, s30 = 0, s31 = 0;
    for (int32_t k = 0; k < length; k++) {
        s00 += PRODUCT(x0, w0), s01 += PRODUCT(x0, w1);
        s10 += PRODUCT(x1, w0), s11 += PRODUCT(x1, w1);
        s20 += PRODUCT(x2, w0), s21 += PRODUCT(x2, w1);
        s30 += PRODUCT(x3, w0), s31 += PRODUCT(x3, w1);
    }
    sums[0] = s00, sums[1] = s01;
    sums[row] = s10, sums[row + 1] = s11;
    sums[2 * row] = s20, sums[2 * row + 1] = s21;
    sums[3 * row] = s30, sums[3 * row + 1] = s31;
}

void ep_vector_dot4(const int8_t *const x[4], const int8_t *weights, int32_t taps, int32_t *sums, int32_t channels)
{
    for (int32_t o = 0; o < channels; o += 2) {
        dot4x2(x, weights + o * taps, taps, sums + o, channels);
    }
}

static inline void dot1x4(const int8_t *x, const int8_t *weights, int32_t taps, int32_t *sums)
{
    const int32_t length = taps / 16 * (16 / HALVES);
    const int8_t *w0 = weights, *w1 = w0 + taps, *w2 = w1 + taps, *w3 = w2 + taps;
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t k = 0; k < length; k++) {
        s0 += PRODUCT(x, w0), s1 += PRODUCT(x, w1), s2 += PRODUCT(x, w2), s3 += PRODUCT(x, w3);
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

void ep_vector_dot1(const int8_t *x, const int8_t *weights, int32_t taps, int32_t *sums, int32_t channels)
{
    for (int32_t o = 0; o < channels; o += 4) {
        dot1x4(x, weights + o * taps, taps, sums + o);
    }
}
