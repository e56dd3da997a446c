/*
 * EdgePrune's own verbs: who answers, tensors, time per layer, memory. Each reply ends with the CRC of its text, so that
 * a figure damaged on the wire is never believed.
 */
#include <stddef.h>

#include "board.h"
#include "console.h"
#include "ep_model.h"
#include "image.h"

extern const char ep_build_id[]; /* written by the build */

static void identity(char *rest)
{
    (void)rest;
    con_line("m-ep-protocol-1");
    con_bracketed("m-ep-target-[", ep_model_target);
    con_bracketed("m-ep-model-[", ep_model_hash);
    con_bracketed("m-ep-build-[", ep_build_id);
    con_put("m-ep-input-[");
    con_put_hex((uint32_t)(uintptr_t)con_input(), 8);
    con_put(" ");
    con_put_number(EP_INPUT_BYTES);
    con_line("]");
    con_put("m-ep-clock-[");
    con_put(board_clock()->source);
    con_put(" ");
    con_put_number(board_clock()->hz);
    con_line("]");
}

static uint32_t span_bytes(const uint32_t *start, const uint32_t *end)
{
    return (uint32_t)((uintptr_t)end - (uintptr_t)start);
}

static void memory(char *rest)
{
    (void)rest;
    con_numbered("m-ep-arena-", ep_model_arena_bytes);
    con_numbered("m-ep-stack-", con_stack_inference_bytes);
    con_numbered("m-ep-stack-all-", con_stack_all_bytes());
    con_numbered("m-ep-data-", span_bytes(ep_data_start, ep_data_end) + span_bytes(ep_bss_start, ep_bss_end));
}

static const con_verb_t VERBS[] = {
    {"id", identity}, {"load", con_ep_load}, {"loaded", con_ep_loaded}, {"output", con_ep_output},
    {"layers", con_ep_layers}, {"memory", memory}, {NULL, NULL},
};

void con_ep(char *rest)
{
    const char *word = con_word(&rest);
    con_sent_crc = CON_CRC_START;
    if (word == NULL) {
        con_line("e-[Command 'ep' requires a subcommand]");
    } else if (!con_dispatch(VERBS, word, rest) && !con_ep_boot(word)) {
        con_bracketed("e-[Unknown command: ep ", word);
    }
    con_put_crc("m-ep-crc-", ~con_sent_crc);
}
