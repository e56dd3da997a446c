/*
 * SVDF: a dense layer over the last memory_len inputs, factored into a filter over features and one over time.
 *
 *   feature[f]  = saturate(requant(feature_bias[f] + sum_k in[k] * feature_weights[f][k], feature_multiplier, feature_shift))
 *   memory[f]   = memory[f] shifted by one, feature[f] last
 *   acc[u]      = bias[u] + sum over the rank filters f of unit u, over t: memory[f][t] * time_weights[f][t]
 *   out[u]      = clamp(requant(acc[u], out_multiplier, out_shift) + out_zero, -128, 127), rounded twice; its RELU is not applied,
 *                 as in LiteRT, where scale and zero point of the output are to imply it
 *
 *   in               int8   [batches][in_len]                       real = (q - in_zero) * in_scale
 *   feature_weights  int8   [units * rank][in_len]                  in the order of `products`
 *   feature_bias     int32  [units * rank]                          -in_zero * the sum of a filter's weights
 *   time_weights     int16  [units * rank][memory_len]
 *   bias             int32  [units] or NULL
 *   memory           int16  [batches][units * rank][memory_len]     kept from one inference to the next
 *   out              int8   [batches][units]
 *
 *   push             puts the newest feature behind the older ones of a filter; the sum over time, modulo 2^32
 *
 * Scratch: acc_words and wide_words of 4 bytes. Align: 4 bytes for scratch and weights, 2 for memory and time_weights.
 * Proof:   tests/firmware/operators/test_svdf.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_SVDF_H
#define EP_SVDF_H

#include <stdint.h>

#include "ep_products.h"

typedef struct {
    ep_products_t products;
    int32_t (*push)(int16_t *memory, const int16_t *times, uint32_t len, int32_t newest);
    const void *feature_weights;
    const int32_t *feature_bias;
    const int16_t *time_weights;
    const int32_t *bias;
    int32_t feature_multiplier, out_multiplier;
    uint16_t batches, in_len, units, rank, memory_len;
    uint16_t acc_words, wide_words;
    int8_t feature_shift, out_shift;
    int16_t out_zero;
} ep_svdf_t;

void ep_svdf_ref(const ep_svdf_t *layer, const int8_t *in, int16_t *memory, int8_t *out, void *scratch);
int32_t ep_push_ref(int16_t *memory, const int16_t *times, uint32_t len, int32_t newest);

#endif
