/*
 * The DSP extension's instructions by name: the instruction on Cortex-M4, M7 and M33, plain C with the same result on
 * any other machine, so that the kernels run on a host under sanitizers.
 *
 *   ep_smlad(x, y, acc)    acc + x.low * y.low + x.high * y.high, 16-bit lanes, modulo 2^32
 *   ep_smlatb, ep_smlabt   acc + x.high * y.low, acc + x.low * y.high, modulo 2^32
 *   ep_smlabb, ep_smlatt   acc + x.low * y.low, acc + x.high * y.high, modulo 2^32
 *   ep_sxtb16(x)           bytes 0 and 2 of x as two 16-bit lanes; ep_sxtb16_ror8: bytes 1 and 3
 *   ep_sxtab16(acc, x)     acc + ep_sxtb16(x) lane by lane, modulo 2^16; ep_sxtab16_ror8 likewise
 *   ep_smmla(a, b, acc)    acc + floor(a * b / 2^32), modulo 2^32
 *   ep_smmlar(a, b, acc)   acc + round(a * b / 2^32), halves upwards, modulo 2^32
 *   ep_saturate8(x)        x clamped to -128..127
 *   EP_SATURATE8_SHIFTED(x, shift)  x >> shift clamped to -128..127; the shift is a constant in 1..31
 *   ep_pack(low, high)     the low halves of both as lanes; ep_pack_high: the high halves
 *   ep_load_word(p)        four bytes from any address, the first one lowest
 */
#ifndef EP_DSP_ARITH_H
#define EP_DSP_ARITH_H

#include <stdint.h>

typedef struct {
    uint32_t word;
} __attribute__((packed, may_alias)) ep_loose_word_t;

static inline uint32_t ep_load_word(const void *bytes)
{
    return ((const ep_loose_word_t *)bytes)->word;
}

static inline int32_t ep_low_lane(uint32_t lanes)
{
    return (int16_t)(lanes & 0xFFFFU);
}

static inline int32_t ep_high_lane(uint32_t lanes)
{
    return (int16_t)(lanes >> 16);
}

/* Truncates both to 16 bits. */
static inline uint32_t ep_lanes(int32_t low, int32_t high)
{
    return ((uint32_t)low & 0xFFFFU) | ((uint32_t)high << 16);
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

static inline int32_t ep_smlad(uint32_t x, uint32_t y, int32_t acc)
{
    int32_t sum;
    __asm__("smlad %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
}

static inline uint32_t ep_pack(int32_t low, int32_t high)
{
    uint32_t lanes;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(lanes) : "r"(low), "r"(high));
    return lanes;
}

static inline uint32_t ep_pack_high(uint32_t low, uint32_t high)
{
    uint32_t lanes;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(lanes) : "r"(high), "r"(low));
    return lanes;
}

static inline int32_t ep_smlatb(uint32_t x, uint32_t y, int32_t acc)
{
    int32_t sum;
    __asm__("smlatb %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
}

static inline int32_t ep_smlabt(uint32_t x, uint32_t y, int32_t acc)
{
    int32_t sum;
    __asm__("smlabt %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
}

static inline int32_t ep_smlabb(uint32_t x, uint32_t y, int32_t acc)
{
    int32_t sum;
    __asm__("smlabb %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
}

static inline int32_t ep_smlatt(uint32_t x, uint32_t y, int32_t acc)
{
    int32_t sum;
    __asm__("smlatt %0, %1, %2, %3" : "=r"(sum) : "r"(x), "r"(y), "r"(acc));
    return sum;
}

static inline uint32_t ep_sxtb16(uint32_t x)
{
    uint32_t lanes;
    __asm__("sxtb16 %0, %1" : "=r"(lanes) : "r"(x));
    return lanes;
}

static inline uint32_t ep_sxtb16_ror8(uint32_t x)
{
    uint32_t lanes;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(lanes) : "r"(x));
    return lanes;
}

static inline uint32_t ep_sxtab16(uint32_t acc, uint32_t x)
{
    uint32_t lanes;
    __asm__("sxtab16 %0, %1, %2" : "=r"(lanes) : "r"(acc), "r"(x));
    return lanes;
}

static inline uint32_t ep_sxtab16_ror8(uint32_t acc, uint32_t x)
{
    uint32_t lanes;
    __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(lanes) : "r"(acc), "r"(x));
    return lanes;
}

static inline int32_t ep_smmla(int32_t a, int32_t b, int32_t acc)
{
    int32_t sum;
    __asm__("smmla %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(acc));
    return sum;
}

static inline int32_t ep_smmlar(int32_t a, int32_t b, int32_t acc)
{
    int32_t sum;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(acc));
    return sum;
}

static inline int32_t ep_saturate8(int32_t x)
{
    int32_t clamped;
    __asm__("ssat %0, #8, %1" : "=r"(clamped) : "r"(x));
    return clamped;
}

#define EP_SATURATE8_SHIFTED(x, shift)                                                      \
    __extension__({                                                                         \
        int32_t clamped_;                                                                   \
        __asm__("ssat %0, #8, %1, asr %2" : "=r"(clamped_) : "r"(x), "I"(shift));           \
        clamped_;                                                                           \
    })

/* For assembler: SUM clamped to the constants low .. high, where they are narrower than int8. */
#define EP_CLAMPED(SUM)             \
    ".if %c[low] > -128\n"          \
    "cmp " SUM ", %[low]\n"         \
    "it lt\n"                       \
    "movlt " SUM ", %[low]\n"       \
    ".endif\n"                      \
    ".if %c[high] < 127\n"          \
    "cmp " SUM ", %[high]\n"        \
    "it gt\n"                       \
    "movgt " SUM ", %[high]\n"      \
    ".endif\n"

#else

#define EP_SATURATE8_SHIFTED(x, shift) ep_saturate8((x) >> (shift))

static inline int32_t ep_smlad(uint32_t x, uint32_t y, int32_t acc)
{
    const int64_t sum = (int64_t)ep_low_lane(x) * ep_low_lane(y) + (int64_t)ep_high_lane(x) * ep_high_lane(y);
    return (int32_t)((uint32_t)acc + (uint32_t)sum);
}

static inline uint32_t ep_pack(int32_t low, int32_t high)
{
    return ep_lanes(low, high);
}

static inline uint32_t ep_pack_high(uint32_t low, uint32_t high)
{
    return (low >> 16) | (high & 0xFFFF0000U);
}

static inline int32_t ep_smlatb(uint32_t x, uint32_t y, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_high_lane(x) * ep_low_lane(y)));
}

static inline int32_t ep_smlabt(uint32_t x, uint32_t y, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_low_lane(x) * ep_high_lane(y)));
}

static inline int32_t ep_smlabb(uint32_t x, uint32_t y, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_low_lane(x) * ep_low_lane(y)));
}

static inline int32_t ep_smlatt(uint32_t x, uint32_t y, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(ep_high_lane(x) * ep_high_lane(y)));
}

static inline uint32_t ep_sxtb16(uint32_t x)
{
    return ep_lanes((int8_t)(x & 0xFFU), (int8_t)(x >> 16 & 0xFFU));
}

static inline uint32_t ep_sxtb16_ror8(uint32_t x)
{
    return ep_sxtb16(x >> 8);
}

static inline uint32_t ep_sxtab16(uint32_t acc, uint32_t x)
{
    const uint32_t lanes = ep_sxtb16(x);
    return ep_lanes(ep_low_lane(acc) + ep_low_lane(lanes), ep_high_lane(acc) + ep_high_lane(lanes));
}

static inline uint32_t ep_sxtab16_ror8(uint32_t acc, uint32_t x)
{
    return ep_sxtab16(acc, x >> 8);
}

static inline int32_t ep_smmla(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(((int64_t)a * b) >> 32));
}

static inline int32_t ep_smmlar(int32_t a, int32_t b, int32_t acc)
{
    return (int32_t)((uint32_t)acc + (uint32_t)(((int64_t)a * b + (1LL << 31)) >> 32));
}

static inline int32_t ep_saturate8(int32_t x)
{
    return x < -128 ? -128 : (x > 127 ? 127 : x);
}

#endif
#endif
