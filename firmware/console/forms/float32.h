/*
 * `db` takes float32, low byte first, four bytes an element of int8 inputs:
 *
 *   q = clamp(round(value / scale) + zero_point, -128, 127), halves away from zero; a NaN is the zero point
 *
 * `ep load` takes the model's own bytes all the same, a quarter of the buffer.
 */
#ifndef FORM_FLOAT32_H
#define FORM_FLOAT32_H

#include <string.h>

#include "console.h"
#include "ep_model.h"

#define FORM_MOST_BYTES (4u * EP_INPUT_BYTES)

static bool form_is_own;

static inline void form_note(bool is_own)
{
    form_is_own = is_own;
}

static inline uint32_t form_own(uint32_t loaded_bytes)
{
    return form_is_own ? loaded_bytes : 0;
}

static inline uint32_t form_bytes(void)
{
    return form_is_own ? EP_INPUT_BYTES : FORM_MOST_BYTES;
}

static inline float form_float(const uint8_t *from, uint32_t index)
{
    float value;
    memcpy(&value, from + 4 * index, 4);
    return value;
}

static inline int8_t form_quantized(float value, float scale, int32_t zero_point)
{
    float steps = value / scale;
    if (steps != steps) {
        return (int8_t)zero_point;
    }
    steps = steps > 1024.0f ? 1024.0f : steps < -1024.0f ? -1024.0f : steps;
    int32_t whole = (int32_t)steps;
    float rest = steps - (float)whole; /* exact */
    int32_t q = whole + (rest >= 0.5f) - (rest <= -0.5f) + zero_point;
    return (int8_t)(q > 127 ? 127 : q < -128 ? -128 : q);
}

static inline uint32_t form_fill(const ep_tensor_t *input, const uint8_t *from)
{
    if (form_is_own) {
        memcpy(input->data, from, input->size_bytes);
        return input->size_bytes;
    }
    int8_t *to = input->data;
    for (uint32_t i = 0; i < input->size_bytes; i++) {
        to[i] = form_quantized(form_float(from, i), input->scale, input->zero_point);
    }
    return 4 * input->size_bytes;
}

static inline float form_real(const ep_tensor_t *input, const uint8_t *from, uint32_t index)
{
    return form_is_own ? con_real(input, from, index) : form_float(from, index);
}

#endif
