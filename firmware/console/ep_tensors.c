/* `ep load`: bytes of the input as they are, in frames. `ep output`: all output bytes, and which input they are of. */
#include <stddef.h>

#include "console.h"
#include "ep_model.h"

#define FRAME_BYTES 512u
#define OUTPUT_BYTES_A_LINE 32u

/* The bytes of a damaged frame stay in the buffer: the host sends it again or gives up. */
static void receive(uint32_t offset, uint32_t count, uint32_t expected_crc)
{
    uint32_t state = CON_CRC_START;
    con_numbered("m-ep-send-", count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t byte = con_get_byte();
        con_input()[offset + i] = byte;
        state = con_crc(state, byte);
    }
    if (~state == expected_crc) {
        con_numbered("m-ep-loaded-", offset + count);
    } else {
        con_line("e-[Frame damaged]");
    }
}

void con_ep_load(char *rest)
{
    const char *offset_word = con_word(&rest);
    const char *count_word = offset_word != NULL ? con_word(&rest) : NULL;
    const char *crc_word = count_word != NULL ? con_word(&rest) : NULL;
    uint32_t offset;
    uint32_t count;
    uint32_t crc;
    if (crc_word == NULL || !con_number(offset_word, &offset) || !con_number(count_word, &count) ||
        !con_hex_word(crc_word, &crc)) {
        con_line("e-[Command 'ep load' requires an offset, a count and a CRC of 8 hex digits]");
    } else if (count == 0 || count > FRAME_BYTES) {
        con_line("e-[A frame holds 1 to 512 bytes]");
    } else if (offset > EP_INPUT_BYTES || count > EP_INPUT_BYTES - offset) {
        con_put("e-[Frame ends beyond the input's ");
        con_put_number(EP_INPUT_BYTES);
        con_line(" bytes]");
    } else {
        receive(offset, count, crc);
    }
}

void con_ep_output(void)
{
    uint32_t column = 0;
    con_put("m-ep-input-crc-");
    con_put_hex(con_input_crc, 8);
    con_line("");
    for (uint32_t i = 0; i < ep_model_output_count; i++) {
        const uint8_t *bytes = ep_model_outputs[i].data;
        for (uint32_t at = 0; at < ep_model_outputs[i].size_bytes; at++) {
            if (column == 0) {
                con_put("m-ep-output-");
            }
            con_put_hex(bytes[at], 2);
            column = (column + 1) % OUTPUT_BYTES_A_LINE;
            if (column == 0) {
                con_line("");
            }
        }
    }
    if (column != 0) {
        con_line("");
    }
}
