/*
 * `db` takes uint8, one byte an element of int8 inputs; the model reads them less 128, as the firmware that MLCommons
 * ships does with pixels. `ep load` takes the model's own bytes all the same.
 */
#ifndef FORM_UINT8_H
#define FORM_UINT8_H

#include "console.h"
#include "ep_model.h"

#define FORM_MOST_BYTES EP_INPUT_BYTES

static uint8_t form_flip; /* less 128 in int8 is the highest bit flipped */

static inline void form_note(bool is_own)
{
    form_flip = is_own ? 0 : 0x80;
}

static inline uint32_t form_own(uint32_t loaded_bytes)
{
    return form_flip == 0 ? loaded_bytes : 0;
}

static inline uint32_t form_bytes(void)
{
    return EP_INPUT_BYTES;
}

static inline uint32_t form_fill(const ep_tensor_t *input, const uint8_t *from)
{
    uint8_t *to = input->data;
    for (uint32_t i = 0; i < input->size_bytes; i++) {
        to[i] = from[i] ^ form_flip;
    }
    return input->size_bytes;
}

static inline float form_real(const ep_tensor_t *input, const uint8_t *from, uint32_t index)
{
    uint8_t element = from[index] ^ form_flip;
    return con_real(input, &element, 0);
}

#endif
