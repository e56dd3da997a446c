/* A command ends with '%'; every reply ends with m-ready. */
#include "console.h"

#include <stddef.h>

#include "ep_frame.h"
#include "ep_model.h"

static void name(char *rest)
{
    (void)rest;
    con_line("m-name-dut-[EdgePrune]");
}

static void profile(char *rest)
{
    (void)rest;
    con_line("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
    con_bracketed("m-model-[", ep_model_id);
}

static void timestamp(char *rest)
{
    (void)rest;
    con_numbered("m-lap-us-", con_microseconds(con_now()));
}

static void reset(char *rest)
{
    (void)rest;
    ep_model_reset();
    con_line("m-reset-done");
}

static void help(char *rest);

static const con_verb_t VERBS[] = {
    {"name", name},   {"profile", profile}, {"timestamp", timestamp},   {"help", help},
    {"db", con_db},   {"infer", con_infer}, {"results", con_results},   {"ep", con_ep},
    {"reset", reset},
    {NULL, NULL},
};

static void help(char *rest)
{
    (void)rest;
    for (const con_verb_t *verb = VERBS; verb->name != NULL; verb++) {
        con_line(verb->name);
    }
}

bool con_dispatch(const con_verb_t *verbs, const char *word, char *rest)
{
    for (; verbs->name != NULL; verbs++) {
        if (con_is(word, verbs->name)) {
            verbs->handle(rest);
            return true;
        }
    }
    return false;
}

static void answer(char *rest)
{
    const char *word = con_word(&rest);
    if (word != NULL && !con_dispatch(VERBS, word, rest)) {
        con_bracketed("e-[Unknown command: ", word);
    }
}

/*
 * Reads up to '%'. Line ends are no part of a command, and an empty command is none: a host that lost its place sends
 * many '%'. False when the command was longer than the buffer.
 */
static bool read_command(char *command)
{
    uint32_t length = 0;
    for (;;) {
        char byte = (char)con_get_byte();
        if (byte == '%') {
            if (length != 0) {
                break;
            }
            continue;
        }
        if (byte == '\r' || byte == '\n' || byte == '\0') {
            continue;
        }
        if (length < CON_COMMAND_BYTES) {
            command[length] = byte;
        }
        length += length <= CON_COMMAND_BYTES;
    }
    command[length < CON_COMMAND_BYTES ? length : CON_COMMAND_BYTES - 1] = '\0';
    return length < CON_COMMAND_BYTES;
}

_Noreturn void con_run(void)
{
    static char command[CON_COMMAND_BYTES];
    EP_FRAME_LAST;
    con_line("m-timestamp-mode-performance");
    con_line("m-init-done");
    for (;;) {
        con_line("m-ready");
        if (read_command(command)) {
            answer(command);
        } else {
            con_line("e-[Command too long]");
        }
    }
}
