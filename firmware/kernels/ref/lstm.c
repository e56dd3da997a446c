#include "ep_lstm.h"

#include <stddef.h>
#include <string.h>

#include "ep_fixed_point16.h"

#define USUAL_BITS 4 /* integer bits of a cell up to 16: code of their own */

/* The vectors of a step as `multiply` reads them, and room for its sums. */
typedef struct {
    const void *in, *state;
    int32_t *acc;
} vectors_t;

/* Adds what a gate sees of the cells, Q3.12. */
static void look_at_cells(const ep_lstm_t *layer, const ep_lstm_gate_t *gate, const int16_t *cell, int16_t *sums)
{
    for (int32_t i = 0; i < layer->cell_len && i < layer->out_len; i++) {
        const int32_t seen = gate->peephole[i] * cell[i];
        const int32_t sum = ep_requant_add(seen, gate->peephole_multiplier, gate->peephole_shift, sums[i]);
        sums[i] = (int16_t)ep_saturate16(sum);
    }
}

/* A gate before its activation function, Q3.12. */
static void gate_sums(const ep_lstm_t *layer, const ep_lstm_gate_t *gate, const vectors_t *vectors,
                      const int16_t *cell, int16_t *restrict sums)
{
    const int32_t cells = layer->cell_len;
    const int32_t *restrict const in_acc = vectors->acc;
    const int32_t *restrict const state_acc = vectors->acc + layer->acc_words / 2;
    const int32_t *restrict const in_bias = gate->in_bias;
    const int32_t *restrict const state_bias = gate->state_bias;
    const int32_t in_multiplier = gate->in_multiplier, state_multiplier = gate->state_multiplier;
    const int32_t in_right = -gate->in_shift, state_right = -gate->state_shift;
    layer->products.multiply(gate->in_weights, vectors->in, layer->in_len, layer->cell_len, vectors->acc);
    layer->products.multiply(gate->state_weights, vectors->state, layer->out_len, layer->cell_len,
                             vectors->acc + layer->acc_words / 2);
    if (in_right >= 0 && state_right >= 0) {
        for (int32_t i = 0; i < cells; i++) {
            const int32_t read = ep_multiply_high(in_bias[i] + in_acc[i], in_multiplier);
            const int32_t sum = ep_saturate16(ep_shift_right_round(read, in_right));
            const int32_t kept = ep_multiply_high(state_bias[i] + state_acc[i], state_multiplier);
            const int32_t both = (int32_t)((uint32_t)ep_shift_right_round(kept, state_right) + (uint32_t)sum);
            sums[i] = (int16_t)ep_saturate16(both);
        }
    } else {
        for (int32_t i = 0; i < cells; i++) {
            const int32_t sum = ep_saturate16(ep_requant(in_bias[i] + in_acc[i], in_multiplier, -in_right));
            const int32_t kept = state_bias[i] + state_acc[i];
            sums[i] = (int16_t)ep_saturate16(ep_requant_add(kept, state_multiplier, -state_right, sum));
        }
    }
    if (gate->peephole != NULL) {
        look_at_cells(layer, gate, cell, sums);
    }
}

static void logistic_gate(const ep_lstm_t *layer, const ep_lstm_gate_t *gate, const vectors_t *vectors,
                          const int16_t *cell, int16_t *out)
{
    const int32_t cells = layer->cell_len;
    gate_sums(layer, gate, vectors, cell, out);
    for (int32_t i = 0; i < cells; i++) {
        out[i] = (int16_t)ep_logistic16(out[i], 3);
    }
}

static void update_cell(const ep_lstm_t *layer, const int16_t *input, const int16_t *forget, const int16_t *candidate,
                        int16_t *restrict cell)
{
    const int32_t cells = layer->cell_len, clip = layer->cell_clip, right = 15 + layer->cell_bits;
    for (int32_t i = 0; i < cells; i++) {
        const int32_t kept = ep_shift_right_round(forget[i] * cell[i], 15);
        const int32_t share = input != NULL ? input[i] : INT16_MAX - forget[i];
        const int32_t added = ep_shift_right_round(share * ep_tanh16(candidate[i], 3), right);
        const int32_t sum = ep_saturate16(kept + added);
        cell[i] = (int16_t)(clip > 0 ? ep_clamp(sum, -clip, clip) : sum);
    }
}

/* The values a step shows, from its cells. */
static void show(const ep_lstm_t *layer, const int16_t *output, const int16_t *cell, int8_t *restrict hidden)
{
    const int32_t cells = layer->cell_len, bits = layer->cell_bits, zero = layer->hidden_zero;
    const int32_t multiplier = layer->hidden_multiplier, shift = layer->hidden_shift;
    for (int32_t i = 0; i < cells; i++) {
        const int32_t shown = bits == USUAL_BITS ? ep_tanh16(cell[i], USUAL_BITS) : ep_tanh16(cell[i], bits);
        const int32_t product = output[i] * shown;
        hidden[i] = (int8_t)ep_clamp(ep_requant_add(product, multiplier, shift, zero), INT8_MIN, INT8_MAX);
    }
}

/* The vector as `multiply` reads it. */
static const void *widened(const ep_lstm_t *layer, const int8_t *x, uint32_t len, void *wide)
{
    if (layer->products.widen == NULL) {
        return x;
    }
    layer->products.widen(x, len, wide);
    return wide;
}

static void next_state(const ep_lstm_t *layer, const int8_t *hidden, int8_t *state, int32_t *acc, void *wide)
{
    if (layer->projection == NULL) {
        (void)memcpy(state, hidden, layer->out_len);
        return;
    }
    const void *const values = widened(layer, hidden, layer->cell_len, wide);
    layer->products.multiply(layer->projection, values, layer->cell_len, layer->out_len, acc);
    for (int32_t o = 0; o < layer->out_len; o++) {
        int32_t sum = layer->projection_bias[o] + acc[o];
        sum = ep_requant_add(sum, layer->projection_multiplier, layer->projection_shift, layer->state_zero);
        sum = ep_clamp(sum, INT8_MIN, INT8_MAX);
        if (layer->projection_clip > 0) {
            sum = ep_clamp(sum, -layer->projection_clip, layer->projection_clip);
        }
        state[o] = (int8_t)sum;
    }
}

static void one_step(const ep_lstm_t *layer, const int8_t *in, int8_t *kept, int16_t *cell, int8_t *out,
                     int32_t *scratch)
{
    int32_t *const acc = scratch;
    int32_t *const wide = acc + layer->acc_words;
    int32_t *const wide_state = wide + layer->wide_words;
    int16_t *input = (int16_t *)(wide_state + layer->wide_state_words);
    int16_t *forget = input + layer->cell_len;
    int16_t *candidate = forget + layer->cell_len;
    int16_t *output = candidate + layer->cell_len;
    int8_t *hidden = (int8_t *)(output + layer->cell_len);
    int8_t *state = hidden + layer->cell_len;
    for (int32_t o = 0; o < layer->out_len; o++) {
        state[o] = (int8_t)(uint8_t)(kept[o] + layer->state_zero);
    }
    const vectors_t vectors = {
        widened(layer, in, layer->in_len, wide), widened(layer, state, layer->out_len, wide_state), acc,
    };
    if (layer->input.in_weights != NULL) {
        logistic_gate(layer, &layer->input, &vectors, cell, input);
    } else {
        input = NULL;
    }
    logistic_gate(layer, &layer->forget, &vectors, cell, forget);
    gate_sums(layer, &layer->candidate, &vectors, cell, candidate);
    update_cell(layer, input, forget, candidate, cell);
    logistic_gate(layer, &layer->output, &vectors, cell, output);
    show(layer, output, cell, hidden);
    next_state(layer, hidden, state, acc, wide);
    (void)memcpy(out, state, layer->out_len);
    for (int32_t o = 0; o < layer->out_len; o++) {
        kept[o] = (int8_t)(uint8_t)(state[o] - layer->state_zero);
    }
}

void ep_lstm_ref(const ep_lstm_t *layer, const int8_t *in, int8_t *state, int16_t *cell, int8_t *out, void *scratch)
{
    for (int32_t n = 0; n < layer->batches; n++, state += layer->out_len, cell += layer->cell_len) {
        for (int32_t t = 0; t < layer->steps; t++) {
            one_step(layer, in + n * layer->in_batch + t * layer->in_step, state, cell,
                     out + n * layer->out_batch + t * layer->out_step, scratch);
        }
    }
}
