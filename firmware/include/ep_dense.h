/*
 * Dense layer (FULLY_CONNECTED), int8 in, int8 out.
 *
 *   acc[n][o] = bias[o] + sum_i (in[n][i] - in_zero) * (weights[o][i] - weight_zero)
 *   out[n][o] = clamp(requant(acc) + out_zero, out_min, out_max), rounded once (ep_fixed_point.h)
 *
 *   in          int8   [rows][in_len]                     real = (q - in_zero) * in_scale
 *   weights     int8   [out_len][in_len]                  real = (q - weight_zero) * weight_scale[o]
 *   bias        int32  [out_len] or NULL                  scale in_scale * weight_scale[o]
 *   multiplier  int32  [out_len], or [1] with scale_step 0   in_scale * weight_scale[o] / out_scale
 *   shift       int8   like multiplier
 *   out         int8   [rows][out_len]                    real = (q - out_zero) * out_scale
 *
 * Range:   any; sums wrap around in int32, as LiteRT's do.
 * Scratch: 0 bytes. Align: 1 byte. Order: rows ascending; a row is read again for each of its outputs.
 * Proof:   tests/firmware/operators/test_dense.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_DENSE_H
#define EP_DENSE_H

#include <stdint.h>

typedef struct {
    const int8_t *weights;
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    uint16_t scale_step; /* 1: a multiplier per output; 0: one for all */
    uint16_t rows, in_len, out_len;
    int16_t in_zero, weight_zero, out_zero, out_min, out_max;
} ep_dense_t;

void ep_dense_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out);

/* The same with weights packed as int4, two a byte (ep_weight.h). */
void ep_dense_int4_ref(const ep_dense_t *layer, const int8_t *in, int8_t *out);

#endif
