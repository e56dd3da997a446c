#include "ep_float.h"

#include <string.h>

static uint32_t bits_of(float x)
{
    uint32_t bits = 0;
    (void)memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float of_bits(uint32_t bits)
{
    float x = 0.0F;
    (void)memcpy(&x, &bits, sizeof x);
    return x;
}

#define EP_SIGN 0x80000000U

static float without_sign(float x)
{
    return of_bits(bits_of(x) & ~EP_SIGN);
}

/* The root of a fraction bit by bit, the last one rounded to nearest: no two machines differ. */
float ep_sqrt_float(float x)
{
    if (!(x > 0.0F) || x > 3.4028234e38F) {
        return x < 0.0F ? of_bits(0x7fc00000U | EP_SIGN) : x;
    }
    uint32_t bits = bits_of(x);
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t fraction = bits & 0x7fffffU;
    if (exponent == 0) {
        exponent = 1;
        while ((fraction & 0x800000U) == 0U) {
            fraction <<= 1;
            exponent--;
        }
    }
    fraction |= 0x800000U;
    exponent -= 127;
    if ((exponent & 1) != 0) {
        fraction <<= 1;
        exponent--;
    }
    uint64_t rest = (uint64_t)fraction << 25; /* [2^48, 2^50): its root has 25 bits, one more than fit */
    uint64_t root = 0;
    for (uint64_t bit = 1ULL << 48; bit != 0U; bit >>= 2) {
        if (rest >= root + bit) {
            rest -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    root += root & 1U; /* never half-way: such a root would be no root of 24 bits */
    bits = (uint32_t)(root >> 1) + ((uint32_t)(exponent / 2 + 126) << 23);
    return of_bits(bits);
}

static float floor_of(float x)
{
    if (!(without_sign(x) < 8388608.0F)) {
        return x;
    }
    const float whole = (float)(int32_t)x;
    const float below = whole > x ? whole - 1.0F : whole;
    return of_bits(bits_of(below) | (bits_of(x) & EP_SIGN));
}

static float ceil_of(float x)
{
    return -floor_of(-x);
}

/* Halves to even; from below to +0. */
static float rounded(float x)
{
    const float floor = floor_of(x);
    const float part = x - floor;
    const float half = floor * 0.5F;
    return part > 0.5F || (part >= 0.5F && floor_of(half) < half) ? floor + 1.0F : floor;
}

static float logistic(float x)
{
    if (x > 16.619047164916992188F) {
        return 1.0F;
    }
    return x < -9.0F ? ep_exp_float(x) : 1.0F / (1.0F + ep_exp_float(-x));
}

static float hard_swish(float x)
{
    const float above = x + 3.0F > 0.0F ? x + 3.0F : 0.0F;
    return x * (above < 6.0F ? above : 6.0F) / 6.0F;
}

#define EP_FLOAT_UNARY(NAME, RESULT)                         \
    void NAME(const float *in, float *out, uint32_t count)   \
    {                                                        \
        for (uint32_t i = 0; i < count; i++) {               \
            const float x = in[i];                           \
            out[i] = RESULT;                                 \
        }                                                    \
    }

EP_FLOAT_UNARY(ep_abs_float_ref, without_sign(x))
EP_FLOAT_UNARY(ep_neg_float_ref, -x)
EP_FLOAT_UNARY(ep_sign_float_ref, x > 0.0F ? 1.0F : x < 0.0F ? -1.0F : 0.0F)
EP_FLOAT_UNARY(ep_floor_float_ref, floor_of(x))
EP_FLOAT_UNARY(ep_ceil_float_ref, ceil_of(x))
EP_FLOAT_UNARY(ep_round_float_ref, rounded(x))
EP_FLOAT_UNARY(ep_sqrt_float_ref, ep_sqrt_float(x))
EP_FLOAT_UNARY(ep_rsqrt_float_ref, 1.0F / ep_sqrt_float(x))
EP_FLOAT_UNARY(ep_exp_float_ref, ep_exp_float(x))
EP_FLOAT_UNARY(ep_logistic_float_ref, logistic(x))
EP_FLOAT_UNARY(ep_hard_swish_float_ref, hard_swish(x))

void ep_leaky_relu_float_ref(const float *in, float *out, uint32_t count, float alpha)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = in[i] > 0.0F ? in[i] : in[i] * alpha;
    }
}

void ep_clamp_float_ref(const float *in, float *out, uint32_t count, float low, float high)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = in[i] > high ? high : in[i] < low ? low : in[i];
    }
}

void ep_l2_normalization_float_ref(const float *in, float *out, uint32_t rows, uint32_t len)
{
    for (uint32_t n = 0; n < rows; n++, in += len, out += len) {
        float sum = 0.0F;
        for (uint32_t i = 0; i < len; i++) {
            sum += in[i] * in[i];
        }
        const float root = ep_sqrt_float(sum);
        const float norm = root < 1e-6F ? 1e-6F : root;
        for (uint32_t i = 0; i < len; i++) {
            out[i] = in[i] / norm;
        }
    }
}
