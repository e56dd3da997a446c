/*
 * Outputs of a dense layer by the sums at which they change, written between its other outputs.
 *
 *   acc[n][k] = bias[k] + sum_i (in[n][i] - in_zero) * weights[k][i]
 *   out[n][channels[k]] = clamp(bases[k] + how many of the channel's steps are <= acc, out_min, out_max)
 *
 *   in        int8    [rows][in_len]     real = (q - in_zero) * in_scale
 *   weights   int16   [count][in_len]    less their zero point; real = q * weight_scale[k]
 *   bias      int32   [count]            scale in_scale * weight_scale[k]
 *   steps     int32   [ends[count - 1]]  of channel k those from ends[k - 1] to ends[k], ascending
 *   bases     int16   [count]            output of a channel's least sum
 *   channels  uint16  [count]            where the output lies in a row
 *   out       int8    [rows][out_len]    real = (q - out_zero) * out_scale
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes. Align: 2 bytes. Order: rows ascending; a row is read again for each of its outputs.
 * Proof:   tests/firmware/files_of_others/test_odd_channels.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DENSE_STEPS_H
#define EP_DENSE_STEPS_H

#include <stdint.h>

typedef struct {
    const int16_t *weights;
    const int32_t *bias;
    const int32_t *steps;
    const uint32_t *ends;
    const int16_t *bases;
    const uint16_t *channels;
    uint16_t rows, in_len, out_len, count;
    int16_t in_zero, out_min, out_max;
} ep_dense_steps_t;

void ep_dense_steps_ref(const ep_dense_steps_t *layer, const int8_t *in, int8_t *out);

#endif
