/*
 * ep_depthwise_planes.h on a core with the DSP extension: two taps of a row an SMLAD.
 *
 *   taps    words, for each row of `taps` weights: lanes (w0, w1), (w1, w2), ...; (w0, 0) for a single one. An output
 *           whose first input begins a word takes every second one from the first on, its neighbour those between.
 *   plane   int16, every word of it loaded once for OUTPUTS outputs
 *   constants   as in dsp/tile.h, channel a: factor and offset (TWO), or multiplier, offset and exponent (EXACT); the
 *               last one of TWO is what the weights are multiplied with, 1 to 256, as the bias is already
 *
 *   EP_PLANE_TWO(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, SHIFT)
 *   EP_PLANE_EXACT(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, LOW, HIGH)
 *       define `run` for TAP_ROWS rows of TAPS taps, ROW elements of the plane apart; outputs are STRIDE elements of the
 *       plane and STEP bytes apart. A row of taps of OUTPUTS outputs is straight code, and so is one of REST outputs,
 *       which end a row of outputs; at most REST of them are stored.
 *
 * Proof:   tests/firmware/operators/test_window_layers.py.
 */
#ifndef EP_DSP_PLANES_H
#define EP_DSP_PLANES_H

#include "dsp/arith.h"
#include "ep_depthwise_planes.h"
#include "ep_straight.h"

#define EP_PLANE_OUTPUTS 4

void ep_plane_copy_dsp(const int8_t *in, uint32_t step, uint32_t count, int32_t raise, int16_t *row, uint32_t second);

/* Lanes of one row of taps, `times` as large. */
static inline __attribute__((always_inline)) void ep_plane_lanes(const int8_t *weights, uint32_t *lane,
                                                                 const int32_t taps, int32_t times)
{
    int32_t left = weights[0] * times;
    if (taps == 1) {
        lane[0] = ep_pack(left, 0);
    }
    EP_STRAIGHT
    for (int32_t tap = 1; tap < taps; tap++) {
        const int32_t right = weights[tap] * times;
        lane[tap - 1] = ep_pack(left, right);
        left = right;
    }
}

/* Adds the products of one row of taps. */
static inline __attribute__((always_inline)) void ep_plane_row(const int16_t *row, const uint32_t *lane,
                                                               int32_t sums[EP_PLANE_OUTPUTS], const int32_t taps,
                                                               const int32_t stride, const int32_t outputs)
{
    const int32_t words = ((outputs - 1) * stride + taps + 1) / 2;
    const int32_t lanes = taps < 2 ? 1 : taps - 1;
    EP_STRAIGHT
    for (int32_t word = 0; word < words; word++) {
        const uint32_t inputs = ep_load_word(row + 2 * word);
        EP_STRAIGHT
        for (int32_t output = 0; output < outputs; output++) {
            const int32_t tap = 2 * word - output * stride;
            if (tap == -1) {
                sums[output] = ep_smlatb(inputs, lane[0], sums[output]);
            } else if (tap >= 0 && tap < lanes) {
                sums[output] = ep_smlad(inputs, lane[tap], sums[output]);
            } else if (tap == lanes && taps > 1) {
                sums[output] = ep_smlabt(inputs, lane[tap - 1], sums[output]);
            }
        }
    }
}

/* OUTPUTS outputs of a row, of which STORED are written. */
#define EP_PLANE_BLOCK(TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, STORED, FINISH, A, B)              \
    {                                                                                                 \
        int32_t bias = constants[0];                                                            \
        int32_t sums[EP_PLANE_OUTPUTS] = {bias, bias, bias, bias};                                    \
        const int16_t *row = at;                                                                      \
        const uint32_t *lane = taps;                                                                  \
        const uint32_t *const taps_end = taps + (TAP_ROWS) * ((TAPS) < 2 ? 1 : (TAPS)-1);             \
        do {                                                                                          \
            ep_plane_row(row, lane, sums, TAPS, STRIDE, OUTPUTS);                                     \
            row += ROW;                                                                               \
            lane += (TAPS) < 2 ? 1 : (TAPS)-1;                                                        \
        } while (lane != taps_end);                                                                   \
        EP_STRAIGHT                                                                                   \
        for (int32_t output = 0; output < (OUTPUTS); output++) {                                      \
            sums[output] = FINISH(sums[output], A, B);                                                \
        }                                                                                             \
        EP_STRAIGHT                                                                                   \
        for (int32_t output = 0; output < (OUTPUTS); output++) {                                      \
            if (output < (STORED)) {                                                                  \
                to[output * (int32_t)(STEP)] = (int8_t)sums[output];                                  \
            }                                                                                         \
        }                                                                                             \
    }

#define EP_PLANE_RUN(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, FINISH, A, B)            \
    static EP_AS_WRITTEN void NAME(const ep_planes_t *layer, const ep_plane_job_t *job)               \
    {                                                                                                 \
        uint32_t *const taps = job->taps;                                                             \
        const int32_t *const constants = job->constants;                                              \
        for (uint32_t row = 0; row < (TAP_ROWS); row++) {                                             \
            ep_plane_lanes(job->weights + row * (TAPS), taps + row * ((TAPS) < 2 ? 1 : (TAPS)-1), TAPS, \
                           FINISH##_TIMES);                                                           \
        }                                                                                             \
        const int16_t *plane = job->plane;                                                            \
        int8_t *out = job->out;                                                                       \
        for (uint32_t rows = job->rows; rows != 0U; rows--) {                                         \
            const int16_t *at = plane;                                                                \
            int8_t *to = out;                                                                         \
            int32_t left = (int32_t)job->count;                                                       \
            for (; left >= (OUTPUTS); left -= (OUTPUTS)) {                                            \
                EP_PLANE_BLOCK(TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, OUTPUTS, FINISH, A, B)     \
                at += (OUTPUTS) * (STRIDE);                                                           \
                to += (OUTPUTS) * (STEP);                                                             \
            }                                                                                         \
            if ((REST) > 0 && left > 0) {                                                             \
                EP_PLANE_BLOCK(TAPS, TAP_ROWS, ROW, STRIDE, STEP, ((REST) > 0 ? (REST) : 1), left,    \
                               FINISH, A, B)                                                          \
            }                                                                                         \
            plane += job->row_elements;                                                               \
            out += layer->out_row_step;                                                               \
        }                                                                                             \
    }

static inline int32_t ep_plane_exact(int32_t sum, const int32_t *constants, int32_t low, int32_t high)
{
    const int32_t value = ep_smmlar(sum * 2, constants[1], constants[2] + (sum >> 31)) >> constants[3];
    const int32_t limited = ep_saturate8(value);
    const int32_t raised = low > -128 && limited < low ? low : limited;
    return high < 127 && raised > high ? high : raised;
}

static inline int32_t ep_plane_two(int32_t sum, const int32_t *constants)
{
    return ep_smmla(sum, constants[1], constants[2]);
}

#define EP_PLANE_FINISH_TWO(SUM, SHIFT, NONE)                         \
    ((SHIFT) == 0 ? ep_saturate8(ep_plane_two(SUM, constants))        \
                  : EP_SATURATE8_SHIFTED(ep_plane_two(SUM, constants), (SHIFT) == 0 ? 1 : (SHIFT)))
#define EP_PLANE_FINISH_TWO_TIMES constants[3]
#define EP_PLANE_FINISH_EXACT_TIMES 1
#define EP_PLANE_FINISH_EXACT(SUM, LOW, HIGH) ep_plane_exact(SUM, constants, LOW, HIGH)

#define EP_PLANE_TWO(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, SHIFT)                   \
    EP_PLANE_RUN(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, EP_PLANE_FINISH_TWO, SHIFT, 0)
#define EP_PLANE_EXACT(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, LOW, HIGH)             \
    EP_PLANE_RUN(NAME, TAPS, TAP_ROWS, ROW, STRIDE, STEP, OUTPUTS, REST, EP_PLANE_FINISH_EXACT, LOW, HIGH)

#endif
