/*
 * LSTM over a sequence (UNIDIRECTIONAL_SEQUENCE_LSTM): int8 activations and weights, int16 cell.
 *
 * At every step, for the gates input, forget, cell, output:
 *
 *   g[i]    = saturate(requant(in_bias[i] + sum_k x[k] * in_weights[i][k], in_multiplier, in_shift))
 *             then + requant(state_bias[i] + sum_k state[k] * state_weights[i][k], state_multiplier, state_shift)
 *             then + requant(peephole[i] * cell[i], peephole_multiplier, peephole_shift)       each saturated, Q3.12
 *   gate    = tanh(g) for the cell gate, logistic(g) for the others, Q0.15
 *   cell    = saturate(round(forget * cell / 2^15) + round(input * candidate / 2^(15 + cell_bits)))
 *             input = 1 - forget where there is no input gate; clipped to +-cell_clip where that is above 0
 *   hidden  = clamp(requant(output * tanh(cell), hidden_multiplier, hidden_shift) + hidden_zero, -128, 127)
 *   state   = hidden, or its projection, clipped to +-projection_clip where that is above 0
 *   out     = state
 *
 *   x              int8   [in_len], steps apart in_step, batches apart in_batch
 *   in_weights     int8   [cell_len][in_len]       in the order of `products`; zero point 0; the input's is folded into in_bias
 *   state_weights  int8   [cell_len][out_len]      zero point 0; the state's is folded into state_bias
 *   peephole       int16  [cell_len] or NULL; LiteRT adds it to the first out_len cells alone, and so does this
 *   projection     int8   [out_len][cell_len] or NULL (then out_len == cell_len)
 *   state          int8   [batches][out_len]       kept from one inference to the next as q - state_zero modulo 256,
 *                                                  so that the zero bytes of a fresh arena stand for the value 0
 *   cell           int16  [batches][cell_len]      kept likewise; real = q * 2^-(15 - cell_bits)
 *   out            int8   [out_len], steps apart out_step, batches apart out_batch
 *
 * Scratch: acc_words (half of them for sums over the input, half for those over the state), wide_words and
 *          wide_state_words of 4 bytes, then 9 * cell_len + out_len bytes: four gates, the hidden
 *          values, the state. Align: 4 bytes for scratch and weights, 2 for cell and peephole.
 * Proof:   tests/firmware/operators/test_lstm.py, the same bytes as LiteRT's reference interpreter.
 */
#ifndef EP_LSTM_H
#define EP_LSTM_H

#include <stdint.h>

#include "ep_products.h"

typedef struct {
    const void *in_weights; /* NULL: no such gate */
    const void *state_weights;
    const int32_t *in_bias;
    const int32_t *state_bias;
    const int16_t *peephole;
    int32_t in_multiplier, state_multiplier, peephole_multiplier;
    int8_t in_shift, state_shift, peephole_shift;
} ep_lstm_gate_t;

typedef struct {
    ep_lstm_gate_t input, forget, candidate, output;
    ep_products_t products;
    const void *projection;
    const int32_t *projection_bias;
    int32_t hidden_multiplier, projection_multiplier;
    int32_t in_step, in_batch, out_step, out_batch;
    uint16_t steps, batches, in_len, cell_len, out_len;
    uint16_t acc_words, wide_words, wide_state_words; /* of scratch: sums, the input or the hidden values, the state */
    int16_t cell_clip;
    int8_t hidden_shift, projection_shift;
    int8_t cell_bits; /* integer bits of the cell */
    int8_t projection_clip, state_zero;
    int16_t hidden_zero;
} ep_lstm_t;

void ep_lstm_ref(const ep_lstm_t *layer, const int8_t *in, int8_t *state, int16_t *cell, int8_t *out, void *scratch);

#endif
