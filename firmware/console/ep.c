/* EdgePrune's own verbs: who answers, raw outputs, time per layer, memory. */
#include <stddef.h>

#include "board.h"
#include "console.h"
#include "ep_model.h"
#include "image.h"

extern const char ep_build_id[]; /* written by the build */

#define OUTPUT_BYTES_A_LINE 32u

static void identity(void)
{
    con_line("m-ep-protocol-1");
    con_put("m-ep-target-[");
    con_put(ep_model_target);
    con_line("]");
    con_put("m-ep-model-[");
    con_put(ep_model_hash);
    con_line("]");
    con_put("m-ep-build-[");
    con_put(ep_build_id);
    con_line("]");
    con_put("m-ep-clock-[");
    con_put(board_clock()->source);
    con_put(" ");
    con_put_number(board_clock()->hz);
    con_line("]");
}

static void output(void)
{
    uint32_t column = 0;
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

static void put_ticks(uint64_t ticks)
{
    con_put("-");
    con_put_number(con_units(ticks));
    con_line("");
}

static void layers(const char *count)
{
    uint32_t runs;
    if (count == NULL || !con_number(count, &runs) || runs == 0) {
        con_line("e-[Command 'ep layers' requires a count >0]");
        return;
    }
    while (runs-- > 0) {
        con_load_inputs();
        for (uint32_t i = 0; i < ep_model_layer_count; i++) {
            uint64_t ticks = con_time(ep_model_layers[i]);
            con_put("m-ep-layer-");
            con_put_number(i);
            put_ticks(ticks);
        }
        con_load_inputs();
        uint64_t ticks = con_time(ep_model_invoke);
        con_put("m-ep-total");
        put_ticks(ticks);
    }
}

static void put_bytes(const char *text, uint32_t bytes)
{
    con_put(text);
    con_put_number(bytes);
    con_line("");
}

static uint32_t span_bytes(const uint32_t *start, const uint32_t *end)
{
    return (uint32_t)((uintptr_t)end - (uintptr_t)start);
}

static void memory(void)
{
    put_bytes("m-ep-arena-", ep_model_arena_bytes);
    put_bytes("m-ep-stack-", con_stack_inference_bytes());
    put_bytes("m-ep-stack-all-", con_stack_all_bytes());
    put_bytes("m-ep-data-", span_bytes(ep_data_start, ep_data_end) + span_bytes(ep_bss_start, ep_bss_end));
}

void con_ep(char *rest)
{
    const char *verb = con_word(&rest);
    if (verb == NULL) {
        con_line("e-[Command 'ep' requires a subcommand]");
    } else if (con_is(verb, "id")) {
        identity();
    } else if (con_is(verb, "output")) {
        output();
    } else if (con_is(verb, "layers")) {
        layers(con_word(&rest));
    } else if (con_is(verb, "memory")) {
        memory();
    } else {
        con_put("e-[Unknown command: ep ");
        con_put(verb);
        con_line("]");
    }
}
