#include "dsp/dense.h"

#include "dsp/arith.h"
#include "ep_fixed_point.h"
#include "ep_frame.h"

/* Four inputs a step, zeros behind the last one. */
static uint32_t widen(const int8_t *in, uint32_t count, uint32_t *columns)
{
    const uint32_t steps = (count + 3U) / 4U;
    for (uint32_t step = 0; step < count / 4U; step++) {
        const uint32_t word = ep_load_word(in + 4U * step);
        columns[2U * step] = ep_sxtb16(word);
        columns[2U * step + 1U] = ep_sxtb16_ror8(word);
    }
    if (count % 4U != 0U) {
        uint32_t word = 0;
        for (uint32_t i = 0; i < count % 4U; i++) {
            word |= (uint32_t)(uint8_t)in[count / 4U * 4U + i] << (8U * i);
        }
        columns[2U * steps - 2U] = ep_sxtb16(word);
        columns[2U * steps - 1U] = ep_sxtb16_ror8(word);
    }
    return steps;
}

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP

/*
 * Registers: r0 columns, r1 stream, r2 r3 inputs, r4-r6 weights, r7-r9 sums 256 * b + a, r10-r12 sums of a, lr rounds.
 */
#define SIX_HALF(INPUTS)            \
    "ldmia r1!, {r4, r5, r6}\n"     \
    "smlad r7, " INPUTS ", r4, r7\n" \
    "smlad r8, " INPUTS ", r5, r8\n" \
    "smlad r9, " INPUTS ", r6, r9\n" \
    "sxtb16 r4, r4\n"               \
    "sxtb16 r5, r5\n"               \
    "sxtb16 r6, r6\n"               \
    "smlad r10, " INPUTS ", r4, r10\n" \
    "smlad r11, " INPUTS ", r5, r11\n" \
    "smlad r12, " INPUTS ", r6, r12\n"

#define SIX_STEP "ldmia r0!, {r2, r3}\n" SIX_HALF("r2") SIX_HALF("r3")

/* One channel pair: constants from the stream, two bytes out. r0 out, lr shift of b, r6 shift of a. */
#define FINISH(BOTH, LOW)           \
    "ldmia r1!, {r2, r3, r4, r5}\n" \
    "sub " BOTH ", " BOTH ", " LOW "\n" \
    "smmla " LOW ", " LOW ", r2, r3\n"  \
    "smmla " BOTH ", " BOTH ", r4, r5\n" \
    "asr " LOW ", " LOW ", r6\n"    \
    "asr " BOTH ", " BOTH ", lr\n"  \
    "ssat " LOW ", #8, " LOW "\n"   \
    "ssat " BOTH ", #8, " BOTH "\n" \
    "strb " LOW ", [r0], #1\n"      \
    "strb " BOTH ", [r0], #1\n"

#define TWO_STEP                    \
    "ldmia r0!, {r2, r3}\n"         \
    "ldmia r1!, {r4, r5}\n"         \
    "smlad r7, r2, r4, r7\n"        \
    "sxtb16 r4, r4\n"               \
    "smlad r10, r2, r4, r10\n"      \
    "smlad r7, r3, r5, r7\n"        \
    "sxtb16 r5, r5\n"               \
    "smlad r10, r3, r5, r10\n"

/* `steps` rounds of STEP, eight at a time as far as they go. */
#define ROUNDS(STEP)                \
    "ands lr, r3, #7\n"             \
    "beq 2f\n"                      \
    "1:\n"                          \
    STEP                            \
    "subs lr, #1\n"                 \
    "bne.w 1b\n"                    \
    "2:\n"                          \
    "ldr lr, [sp, #4]\n"            \
    "lsrs lr, lr, #3\n"             \
    "beq.w 4f\n"                    \
    "3:\n"                          \
    ".rept 8\n"                     \
    STEP                            \
    ".endr\n"                       \
    "subs lr, #1\n"                 \
    "bne.w 3b\n"                    \
    "4:\n"

/* Returns the stream behind the group. Everything else is saved and restored in here. */
#define GROUP(NAME, BIASES, STEP, FINISHES)                                                                     \
    static __attribute__((noinline)) const uint32_t *NAME(const uint32_t *columns, const uint32_t *stream,      \
                                                          int8_t *out, uint32_t steps, uint32_t shift)          \
    {                                                                                                           \
        register const uint32_t *r0 __asm__("r0") = columns;                                                    \
        register const uint32_t *r1 __asm__("r1") = stream;                                                     \
        register int8_t *r2 __asm__("r2") = out;                                                                \
        register uint32_t r3 __asm__("r3") = steps;                                                             \
        register uint32_t r12 __asm__("r12") = shift;                                                           \
        __asm__ volatile(                                                                                       \
            EP_FRAME_KEEP                                                                                       \
            "push {r4-r12, lr}\n"                                                                               \
            EP_FRAME_R4_R12_LR                                                                                  \
            "push {r2, r3}\n"                                                                                   \
            EP_FRAME_DOWN(8)                                                                                    \
            "ldmia r1!, " BIASES "\n"                                                                           \
            ROUNDS(STEP)                                                                                        \
            "ldr r0, [sp]\n"                                                                                    \
            "ldr r6, [sp, #40]\n"                                                                               \
            "add lr, r6, #8\n"                                                                                  \
            FINISHES                                                                                            \
            "add sp, #8\n"                                                                                      \
            EP_FRAME_UP(8)                                                                                      \
            "pop {r4-r12, lr}\n"                                                                                \
            EP_FRAME_BACK                                                                                       \
            : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3), "+r"(r12)                                                 \
            :                                                                                                   \
            : "cc", "memory");                                                                                  \
        return r1;                                                                                              \
    }

GROUP(six_channels, "{r7-r12}", SIX_STEP, FINISH("r7", "r10") FINISH("r8", "r11") FINISH("r9", "r12"))
GROUP(two_channels, "{r7, r10}", TWO_STEP, FINISH("r7", "r10"))

#else

static const uint32_t *channel_pairs(const uint32_t *columns, const uint32_t *stream, int8_t *out, uint32_t steps,
                                     uint32_t shift, uint32_t pairs)
{
    const uint32_t *const weights = stream + 2U * pairs;
    const uint32_t *const constants = weights + 2U * steps * pairs;
    for (uint32_t pair = 0; pair < pairs; pair++) {
        int32_t both = (int32_t)stream[pair];
        int32_t low = (int32_t)stream[pairs + pair];
        for (uint32_t word = 0; word < 2U * steps; word++) {
            both = ep_smlad(columns[word], weights[word * pairs + pair], both);
            low = ep_smlad(columns[word], ep_sxtb16(weights[word * pairs + pair]), low);
        }
        const int32_t *const scale = (const int32_t *)constants + 4U * pair;
        const int32_t high = (int32_t)((uint32_t)both - (uint32_t)low);
        out[2U * pair] = (int8_t)ep_saturate8(ep_smmla(low, scale[0], scale[1]) >> shift);
        out[2U * pair + 1U] = (int8_t)ep_saturate8(ep_smmla(high, scale[2], scale[3]) >> (shift + 8U));
    }
    return constants + 4U * pairs;
}

static const uint32_t *six_channels(const uint32_t *columns, const uint32_t *stream, int8_t *out, uint32_t steps,
                                    uint32_t shift)
{
    return channel_pairs(columns, stream, out, steps, shift, 3);
}

static const uint32_t *two_channels(const uint32_t *columns, const uint32_t *stream, int8_t *out, uint32_t steps,
                                    uint32_t shift)
{
    return channel_pairs(columns, stream, out, steps, shift, 1);
}

#endif

static const uint32_t *single_channel(const ep_dense_dsp_t *layer, const uint32_t *columns, const uint32_t *stream,
                                      int8_t *out, uint32_t steps)
{
    int32_t acc = (int32_t)*stream++;
    for (uint32_t step = 0; step < steps; step++) {
        const uint32_t weights = *stream++;
        acc = ep_smlad(columns[2U * step], ep_sxtb16(weights), acc);
        acc = ep_smlad(columns[2U * step + 1U], ep_sxtb16_ror8(weights), acc);
    }
    acc = ep_requant_once(acc, (int32_t)stream[0], (int32_t)stream[1]) + layer->out_zero;
    *out = (int8_t)ep_clamp(acc, layer->out_min, layer->out_max);
    return stream + 2;
}

void ep_dense_dsp(const ep_dense_dsp_t *layer, const int8_t *in, int8_t *out, void *scratch)
{
    uint32_t *const columns = scratch;
    for (uint32_t row = 0; row < layer->rows; row++) {
        const uint32_t steps = widen(in, layer->in_len, columns);
        const uint32_t *stream = layer->stream;
        for (uint32_t group = 0; group < layer->sixes; group++) {
            stream = six_channels(columns, stream, out, steps, layer->shift);
            out += 6;
        }
        for (uint32_t group = 0; group < layer->pairs; group++) {
            stream = two_channels(columns, stream, out, steps, layer->shift);
            out += 2;
        }
        for (uint32_t channel = 0; channel < layer->singles; channel++) {
            stream = single_channel(layer, columns, stream, out, steps);
            out++;
        }
        in += layer->in_len;
    }
}
