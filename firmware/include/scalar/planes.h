/*
 * ep_depthwise_planes.h on cores without the DSP extension: every input of a row of the plane is loaded once for the
 * outputs that read it.
 *
 *   taps        int32, the weights widened
 *   plane       int16, q + 128: not negative, so that ARMv6-M loads it at a fixed distance
 *   constants   the bias, then multiplier, offset, exponent (scalar/arith.h)
 *
 *   EP_PLANE_SCALAR(NAME, TAPS, TAP_ROWS, ROW, STRIDE, OUTPUTS)   defines `run` for TAP_ROWS rows of TAPS taps, ROW
 *       elements of the plane apart, outputs STRIDE elements apart. A row of taps of OUTPUTS outputs is straight code, on
 *       ARMv6-M, which has registers for no more, of two.
 *
 * Range:   |acc| < 2^29.
 * Proof:   tests/firmware/operators/test_window_layers.py.
 */
#ifndef EP_SCALAR_PLANES_H
#define EP_SCALAR_PLANES_H

#include "ep_depthwise_planes.h"
#include "ep_straight.h"
#include "scalar/finish.h"

#if defined(__ARM_ARCH_6M__)
#define EP_PLANE_AT_ONCE 2
#else
#define EP_PLANE_AT_ONCE 4
#endif

void ep_plane_copy_scalar(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row, uint32_t second);

/* Sums of `outputs` outputs, at most EP_PLANE_AT_ONCE. */
static inline __attribute__((always_inline)) void ep_plane_sums(const uint16_t *row, const int32_t *taps, int32_t bias,
                                                                int32_t *acc, const int32_t row_taps,
                                                                const int32_t tap_rows, const int32_t row_elements,
                                                                const int32_t stride, const int32_t outputs)
{
    int32_t sums[EP_PLANE_AT_ONCE];
    const int32_t *const taps_end = taps + row_taps * tap_rows;
    EP_STRAIGHT
    for (int32_t output = 0; output < outputs; output++) {
        sums[output] = bias;
    }
    do {
        EP_STRAIGHT
        for (int32_t column = 0; column < (outputs - 1) * stride + row_taps; column++) {
            EP_STRAIGHT
            for (int32_t output = 0; output < outputs; output++) {
                const int32_t tap = column - output * stride;
                if (tap >= 0 && tap < row_taps) {
                    sums[output] += row[column] * taps[tap];
                }
            }
        }
        row += row_elements;
        taps += row_taps;
    } while (taps != taps_end);
    EP_STRAIGHT
    for (int32_t output = 0; output < outputs; output++) {
        acc[output] = sums[output];
    }
}

#define EP_PLANE_SCALAR(NAME, TAPS, TAP_ROWS, ROW, STRIDE, OUTPUTS)                                     \
    static EP_AS_WRITTEN void NAME(const ep_planes_t *layer, const ep_plane_job_t *job)                 \
    {                                                                                                   \
        enum { at_once = (OUTPUTS) < EP_PLANE_AT_ONCE ? (OUTPUTS) : EP_PLANE_AT_ONCE };                 \
        const ep_finish_t finish = {layer->out_min, layer->out_max, job->step};                         \
        const uint16_t *plane = (const uint16_t *)job->plane;                                           \
        int32_t *const taps = job->taps;                                                                \
        int8_t *out = job->out;                                                                         \
        for (uint32_t tap = 0; tap < (TAPS) * (TAP_ROWS); tap++) {                                      \
            taps[tap] = job->weights[tap];                                                              \
        }                                                                                               \
        for (uint32_t rows = job->rows; rows != 0U; rows--) {                                           \
            const uint16_t *at = plane;                                                                 \
            int32_t *acc = job->acc;                                                                    \
            const int32_t *const end = acc + job->count;                                                \
            do {                                                                                        \
                ep_plane_sums(at, taps, job->constants[0], acc, TAPS, TAP_ROWS, ROW, STRIDE, at_once);  \
                at += at_once * (STRIDE);                                                               \
                acc += at_once;                                                                         \
            } while (acc < end);                                                                        \
            ep_finish(&finish, job->constants + 1, job->acc, job->count, out);                          \
            plane += job->row_elements;                                                                 \
            out += layer->out_row_step;                                                                 \
        }                                                                                               \
    }

#endif
