/*
 * SVDF: a dense layer over the last memory_len inputs, factored into a filter over features and one over time.
 *
 *   feature[f]  = saturate(requant(sum_k (in[k] - in_zero) * feature_weights[f][k], feature_multiplier, feature_shift))
 *   memory[f]   = memory[f] shifted by one, feature[f] last
 *   acc[u]      = bias[u] + sum over the rank filters f of unit u, over t: memory[f][t] * time_weights[f][t]
 *   out[u]      = clamp(requant(acc[u], out_multiplier, out_shift) + out_zero, -128, 127), rounded twice; its RELU is not applied,
 *                 as in LiteRT, where scale and zero point of the output are to imply it
 *
 *   in               int8   [batches][in_len]                       real = (q - in_zero) * in_scale
 *   feature_weights  int8   [units * rank][in_len]
 *   time_weights     int16  [units * rank][memory_len]
 *   bias             int32  [units] or NULL
 *   memory           int16  [batches][units * rank][memory_len]     kept from one inference to the next
 *   out              int8   [batches][units]
 *
 * Scratch: 0 bytes. Align: 2 bytes for memory and time_weights.
 * Proof:   tests/firmware/test_svdf.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SVDF_H
#define EP_SVDF_H

#include <stdint.h>

typedef struct {
    const int8_t *feature_weights;
    const int16_t *time_weights;
    const int32_t *bias;
    int32_t feature_multiplier, out_multiplier;
    uint16_t batches, in_len, units, rank, memory_len;
    int8_t feature_shift, out_shift;
    int16_t in_zero, out_zero;
} ep_svdf_t;

void ep_svdf_ref(const ep_svdf_t *layer, const int8_t *in, int16_t *memory, int8_t *out);

#endif
