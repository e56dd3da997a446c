#include "ep_rows.h"

#include <string.h>

void ep_rows_ref(const void *table, const int8_t *in, void *out, uint32_t count, uint32_t rows, uint32_t row_bytes)
{
    const uint8_t *from = table;
    uint8_t *to = out;
    for (uint32_t i = 0; i < count; i++, to += row_bytes) {
        const uint32_t value = (uint32_t)(in[i] + 128);
        (void)memcpy(to, from + (value < rows ? value : rows - 1U) * row_bytes, row_bytes);
    }
}

void ep_rows_int16_ref(const void *table, const int16_t *in, void *out, uint32_t count, uint32_t rows,
                       uint32_t row_bytes)
{
    const uint8_t *from = table;
    uint8_t *to = out;
    for (uint32_t i = 0; i < count; i++, to += row_bytes) {
        const uint32_t value = in[i] < 0 ? 0U : (uint32_t)in[i];
        (void)memcpy(to, from + (value < rows ? value : rows - 1U) * row_bytes, row_bytes);
    }
}
