/* `db` takes the model's inputs as they stand, byte for byte. */
#ifndef FORM_SAME_H
#define FORM_SAME_H

#include <string.h>

#include "console.h"
#include "ep_model.h"

#define FORM_MOST_BYTES EP_INPUT_BYTES

static inline void form_note(bool is_own)
{
    (void)is_own;
}

/* How many of the loaded bytes are the model's own. */
static inline uint32_t form_own(uint32_t loaded_bytes)
{
    return loaded_bytes;
}

static inline uint32_t form_bytes(void)
{
    return EP_INPUT_BYTES;
}

/* One input from the buffer; how many bytes of it were read. */
static inline uint32_t form_fill(const ep_tensor_t *input, const uint8_t *from)
{
    memcpy(input->data, from, input->size_bytes);
    return input->size_bytes;
}

static inline float form_real(const ep_tensor_t *input, const uint8_t *from, uint32_t index)
{
    return con_real(input, from, index);
}

#endif
