/*
 * `ep load`: bytes of the input as they are, in frames. `ep loaded`: are all of them there, whichever way they came?
 * `ep output`: all output bytes, and which input they are of.
 */
#include <stddef.h>

#include "console.h"
#include "ep_model.h"

#define FRAME_BYTES 512u
#define OUTPUT_BYTES_A_LINE 32u

/* A damaged frame leaves its bytes in the buffer: the host sends it again or gives up. */
void con_ep_load(char *rest)
{
    uint32_t offset;
    uint32_t count;
    if (!con_number(con_word(&rest), &offset) || !con_number(con_word(&rest), &count) || count == 0 ||
        count > FRAME_BYTES || offset > EP_INPUT_BYTES || count > EP_INPUT_BYTES - offset) {
        con_line("e-[Command 'ep load' requires an offset and 1 to 512 bytes inside the input]");
        return;
    }
    if (offset > con_loaded()) {
        con_line("e-[Frame beyond the end of what is loaded]");
        return;
    }
    con_set_loaded(offset);
    con_numbered("m-ep-send-", count);
    uint32_t state = CON_CRC_START;
    for (uint32_t i = 0; i < count + 4; i++) {
        uint8_t byte = con_get_byte();
        state = con_crc(state, byte);
        if (i < count) {
            con_input()[offset + i] = byte;
        }
    }
    if (state == CON_CRC_WHOLE) {
        con_set_loaded(offset + count);
        con_numbered("m-ep-loaded-", offset + count);
    } else {
        con_line("e-[Frame damaged]");
    }
}

/* For inputs a debug port wrote: only the host can decide when it has finished. */
void con_ep_loaded(char *rest)
{
    uint32_t crc;
    uint32_t state = CON_CRC_START;
    for (uint32_t i = 0; i < EP_INPUT_BYTES; i++) {
        state = con_crc(state, con_input()[i]);
    }
    if (con_hex_number(con_word(&rest), &crc) && crc == ~state) {
        con_set_loaded(EP_INPUT_BYTES);
        con_numbered("m-ep-loaded-", EP_INPUT_BYTES);
    } else {
        con_set_loaded(0);
        con_line("e-[The input has another CRC]");
    }
}

void con_ep_output(char *rest)
{
    uint32_t column = 0;
    (void)rest;
    if (!con_has_results()) {
        return;
    }
    con_put_crc("m-ep-input-crc-", con_input_crc);
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
