/*
 * Dense layer from int16 to int16 on a core with the DSP extension: what ep_dense_int16.h states, six rows at a time
 * (dsp/tiles16.h).
 *
 *   weights  words   [(out_len + 5) / 6][pairs][3]   pairs of inputs: (in_len + 1) / 2
 *   bias     int32   [6 * ((out_len + 5) / 6)]       sums are proved to stay inside int32
 *   high     int32   [out_len]    the factor of a sum is (high * 2^32 + low) / 2^(64 + shift), proved to give the steps
 *   low      int32   [out_len]    of the float64 product for every sum
 *   shift    int8    [out_len]    1..30
 *
 * Scratch: 4 * pairs bytes where in_len is odd, else none. Align: 4 bytes for scratch, 2 for vectors.
 * Order:   rows ascending; a row is read again for each six of its outputs.
 * Proof:   tests/firmware/operators16/test_dsp16.py.
 */
#ifndef EP_DSP_DENSE_INT16_H
#define EP_DSP_DENSE_INT16_H

#include <stdint.h>

typedef struct {
    const uint32_t *weights;
    const int32_t *bias;
    const int32_t *high;
    const int32_t *low;
    const int8_t *shift;
    uint16_t rows, in_len, out_len;
    int16_t out_min, out_max;
} ep_dense_int16_dsp_t;

void ep_dense_int16_dsp(const ep_dense_int16_dsp_t *layer, const int16_t *in, int16_t *out, void *scratch);

#endif
