#include "ep_lstm.h"

#include <stddef.h>
#include <string.h>

#include "ep_fixed_point16.h"

static int32_t dot(const int8_t *a, const int8_t *b, int32_t len)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < len; k++) {
        sum += a[k] * b[k];
    }
    return sum;
}

/* A gate before its activation function, Q3.12. */
static void gate_sums(const ep_lstm_t *layer, const ep_lstm_gate_t *gate, const int8_t *in, const int8_t *state,
                      const int16_t *cell, int16_t *sums)
{
    for (int32_t i = 0; i < layer->cell_len; i++) {
        int32_t acc = gate->in_bias[i] + dot(gate->in_weights + i * layer->in_len, in, layer->in_len);
        int32_t sum = ep_saturate16(ep_requant(acc, gate->in_multiplier, gate->in_shift));
        acc = gate->state_bias[i] + dot(gate->state_weights + i * layer->out_len, state, layer->out_len);
        sum = ep_saturate16(ep_requant(acc, gate->state_multiplier, gate->state_shift) + sum);
        if (gate->peephole != NULL && i < layer->out_len) {
            acc = gate->peephole[i] * cell[i];
            sum = ep_saturate16(ep_requant(acc, gate->peephole_multiplier, gate->peephole_shift) + sum);
        }
        sums[i] = (int16_t)sum;
    }
}

static void logistic_gate(const ep_lstm_t *layer, const ep_lstm_gate_t *gate, const int8_t *in, const int8_t *state,
                          const int16_t *cell, int16_t *out)
{
    gate_sums(layer, gate, in, state, cell, out);
    for (int32_t i = 0; i < layer->cell_len; i++) {
        out[i] = ep_logistic16(out[i], 3);
    }
}

static void update_cell(const ep_lstm_t *layer, const int16_t *input, const int16_t *forget, const int16_t *candidate,
                        int16_t *cell)
{
    for (int32_t i = 0; i < layer->cell_len; i++) {
        const int32_t kept = ep_shift_right_round(forget[i] * cell[i], 15);
        const int32_t share = input != NULL ? input[i] : INT16_MAX - forget[i];
        const int32_t added = ep_shift_right_round(share * ep_tanh16(candidate[i], 3), 15 + layer->cell_bits);
        int32_t sum = ep_saturate16(kept + added);
        if (layer->cell_clip > 0) {
            sum = ep_clamp(sum, -layer->cell_clip, layer->cell_clip);
        }
        cell[i] = (int16_t)sum;
    }
}

static void next_state(const ep_lstm_t *layer, const int8_t *hidden, int8_t *state)
{
    if (layer->projection == NULL) {
        (void)memcpy(state, hidden, layer->out_len);
        return;
    }
    for (int32_t o = 0; o < layer->out_len; o++) {
        int32_t acc = layer->projection_bias[o] + dot(layer->projection + o * layer->cell_len, hidden, layer->cell_len);
        acc = ep_requant(acc, layer->projection_multiplier, layer->projection_shift) + layer->state_zero;
        acc = ep_clamp(acc, INT8_MIN, INT8_MAX);
        if (layer->projection_clip > 0) {
            acc = ep_clamp(acc, -layer->projection_clip, layer->projection_clip);
        }
        state[o] = (int8_t)acc;
    }
}

static void one_step(const ep_lstm_t *layer, const int8_t *in, int8_t *kept, int16_t *cell, int8_t *out,
                     int16_t *gates)
{
    int16_t *input = gates;
    int16_t *forget = gates + layer->cell_len;
    int16_t *candidate = forget + layer->cell_len;
    int16_t *output = candidate + layer->cell_len;
    int8_t *hidden = (int8_t *)(output + layer->cell_len);
    int8_t *state = hidden + layer->cell_len;
    for (int32_t o = 0; o < layer->out_len; o++) {
        state[o] = (int8_t)(uint8_t)(kept[o] + layer->state_zero);
    }
    if (layer->input.in_weights != NULL) {
        logistic_gate(layer, &layer->input, in, state, cell, input);
    } else {
        input = NULL;
    }
    logistic_gate(layer, &layer->forget, in, state, cell, forget);
    gate_sums(layer, &layer->candidate, in, state, cell, candidate);
    update_cell(layer, input, forget, candidate, cell);
    logistic_gate(layer, &layer->output, in, state, cell, output);
    for (int32_t i = 0; i < layer->cell_len; i++) {
        const int32_t product = output[i] * ep_tanh16(cell[i], layer->cell_bits);
        const int32_t value = ep_requant(product, layer->hidden_multiplier, layer->hidden_shift) + layer->hidden_zero;
        hidden[i] = (int8_t)ep_clamp(value, INT8_MIN, INT8_MAX);
    }
    next_state(layer, hidden, state);
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
