#include "ep_float.h"

#include <string.h>

static const double root[32] = { /* 2^(i/32) */
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
};

/* 2^exponent for a normal double. */
static double power_of_two(int32_t exponent)
{
    const uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double power = 0.0;
    (void)memcpy(&power, &bits, sizeof power);
    return power;
}

float ep_exp_float(float x)
{
    const double steps_per_unit = 0x1.71547652b82fep+5; /* 32 / log(2) */
    if (!(x > -110.0F)) {
        return x == x ? 0.0F : x;
    }
    const double scaled = (double)(x < 100.0F ? x : 100.0F) * steps_per_unit;
    const double nearest = (scaled + 0x1.8p52) - 0x1.8p52; /* whole, halves to even */
    const double rest = scaled - nearest;
    const int32_t steps = (int32_t)nearest;
    const double square = 0x1.c6af84b912394p-20 * rest + 0x1.ebfce50fac4f3p-13;
    const double series = square * (rest * rest) + (0x1.62e42ff0c52d6p-6 * rest + 1.0);
    const int32_t index = (int32_t)((uint32_t)steps & 31U);
    return (float)(series * (root[index] * power_of_two((steps - index) / 32)));
}

double ep_exp_double(double x)
{
    const double steps_per_unit = 0x1.71547652b82fep+5; /* 32 / log(2) */
    const double step_high = 0x1.62e42fee00000p-6;      /* log(2) / 32, its first 31 bits and the rest */
    const double step_low = 0x1.a39ef35793c76p-38;
    const double inside = x < -700.0 ? -700.0 : x > 700.0 ? 700.0 : x;
    const int32_t steps = (int32_t)((inside * steps_per_unit + 0x1.8p52) - 0x1.8p52);
    const double rest = (inside - steps * step_high) - steps * step_low;
    double series = rest / 720.0 + 1.0 / 120.0;
    series = series * rest + 1.0 / 24.0;
    series = series * rest + 1.0 / 6.0;
    series = series * rest + 0.5;
    series = (series * rest + 1.0) * rest;
    const int32_t index = (int32_t)((uint32_t)steps & 31U);
    const double power = root[index] * power_of_two((steps - index) / 32);
    return power + power * series;
}
