/* The data buffer: `db load N`, then hexadecimal bytes until N are in. */
#include <stddef.h>
#include <string.h>

#include "console.h"
#include "ep_model.h"
#include CON_INPUT_FORM

/* EP_INPUT_BYTES, all inputs of this model in order, comes from the build; so does the form of what `db` takes. */
static uint8_t buffer[FORM_MOST_BYTES];
static uint32_t expected_bytes;
static uint32_t loaded_bytes;
static bool has_run;
uint32_t con_input_crc;

void con_set_loaded(uint32_t bytes)
{
    form_note(true);
    expected_bytes = EP_INPUT_BYTES;
    loaded_bytes = bytes;
}

uint32_t con_loaded(void)
{
    return form_own(loaded_bytes);
}

static void put_loaded(const char *text)
{
    con_put(text);
    con_put_number(loaded_bytes);
    con_put(" of ");
    con_put_number(form_bytes());
    con_line(" bytes are loaded]");
}

bool con_has_input(void)
{
    if (loaded_bytes != form_bytes()) {
        put_loaded("e-[Input incomplete: ");
    }
    return loaded_bytes == form_bytes();
}

bool con_has_results(void)
{
    if (!has_run) {
        con_line("e-[No inference has run]");
    }
    return has_run;
}

/* A refused load leaves nothing that could be taken for an input. */
static void empty(void)
{
    expected_bytes = 0;
    loaded_bytes = 0;
}

static void begin(const char *count)
{
    uint32_t bytes;
    empty();
    form_note(false);
    if (count == NULL) {
        con_line("e-[Command 'db load' requires the # of bytes]");
    } else if (!con_number(count, &bytes) || bytes == 0) {
        con_line("e-[Command 'db load' must be >0 bytes]");
    } else if (bytes > form_bytes()) {
        con_put("e-[Supplied buffer size ");
        con_put_number(bytes);
        con_put(" exceeds maximum of ");
        con_put_number(form_bytes());
        con_line("]");
    } else {
        expected_bytes = bytes;
        con_put("m-[Expecting ");
        con_put_number(bytes);
        con_line(" bytes]");
    }
}

static void print(void)
{
    for (uint32_t i = 0; i < loaded_bytes; i++) {
        con_put(i % 8 == 0 ? "m-buffer-" : "-");
        con_put_hex(buffer[i], 2);
        if (i % 8 == 7 || i + 1 == loaded_bytes) {
            con_line("");
        }
    }
}

static void append(const char *digits)
{
    if (strlen(digits) % 2 != 0) {
        empty();
        con_line("e-[Insufficent number of hex digits]");
        return;
    }
    for (; *digits != '\0'; digits += 2) {
        int high = con_hex_digit(digits[0]);
        int low = con_hex_digit(digits[1]);
        if (high < 0 || low < 0) {
            empty();
            con_put("e-[Invalid hex digit '");
            con_put_byte((uint8_t)digits[0]);
            con_put_byte((uint8_t)digits[1]);
            con_line("']");
            return;
        }
        if (loaded_bytes == expected_bytes) {
            empty();
            con_line("e-[More bytes than 'db load' announced]");
            return;
        }
        buffer[loaded_bytes++] = (uint8_t)(high << 4 | low);
        if (loaded_bytes == expected_bytes) {
            con_line("m-load-done");
        }
    }
}

void con_db(char *rest)
{
    const char *subcommand = con_word(&rest);
    if (subcommand == NULL) {
        con_line("e-[Command 'db' requires a subcommand]");
    } else if (con_is(subcommand, "load")) {
        begin(con_word(&rest));
    } else if (con_is(subcommand, "print")) {
        print();
    } else {
        append(subcommand);
    }
}

uint8_t *con_input(void)
{
    return buffer;
}

void con_load_inputs(void)
{
    const uint8_t *from = buffer;
    uint32_t state = CON_CRC_START;
    for (uint32_t i = 0; i < form_bytes(); i++) {
        state = con_crc(state, buffer[i]);
    }
    con_input_crc = ~state;
    has_run = true;
    for (uint32_t i = 0; i < ep_model_input_count; i++) {
        const ep_tensor_t *input = &ep_model_inputs[i];
        from += form_fill(input, from);
    }
}

float con_input_real(uint32_t index)
{
    return form_real(&ep_model_inputs[0], buffer, index);
}
