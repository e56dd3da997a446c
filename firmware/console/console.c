/* A command ends with '%'; every reply ends with m-ready. */
#include "console.h"

#include <stddef.h>

#include "ep_model.h"

static void help(void)
{
    con_line("name | profile | timestamp | help | results");
    con_line("db load N | db HEX | db print | infer N W");
    con_line("ep id | ep load OFFSET N CRC | ep output | ep layers N | ep memory");
}

static void answer(char *rest)
{
    const char *verb = con_word(&rest);
    if (verb == NULL) {
        return;
    }
    if (con_is(verb, "name")) {
        con_line("m-name-dut-[EdgePrune]");
    } else if (con_is(verb, "profile")) {
        con_line("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
        con_bracketed("m-model-[", ep_model_id);
    } else if (con_is(verb, "timestamp")) {
        con_numbered("m-lap-us-", con_microseconds(con_now()));
    } else if (con_is(verb, "help")) {
        help();
    } else if (con_is(verb, "db")) {
        con_db(rest);
    } else if (con_is(verb, "infer")) {
        con_infer(rest);
    } else if (con_is(verb, "results")) {
        con_results();
    } else if (con_is(verb, "ep")) {
        con_ep(rest);
    } else {
        con_bracketed("e-[Unknown command: ", verb);
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

void con_run(void)
{
    static char command[CON_COMMAND_BYTES];
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
