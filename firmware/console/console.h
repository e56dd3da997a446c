/* The serial console of docs/console.md, in parts: serial (bytes), text (words and numbers), one file per verb. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ep_model.h"

#define CON_COMMAND_BYTES 80

/* Reads and answers commands for ever. */
_Noreturn void con_run(void);

/* A verb and what answers it, given the rest of the command. Tables end with a NULL name. */
typedef struct {
    const char *name;
    void (*handle)(char *rest);
} con_verb_t;
bool con_dispatch(const con_verb_t *verbs, const char *word, char *rest); /* false when no verb is meant */

/* serial.c: bytes out, bytes in. Bytes that arrive while others are sent are kept. */
void con_put_byte(uint8_t byte);
uint8_t con_get_byte(void);
extern uint32_t con_sent_crc; /* over every byte sent since it was set to CON_CRC_START */

/* crc.c: CRC-32 as in zlib and Ethernet; start with CON_CRC_START, the value is the complement of the last state. */
#define CON_CRC_START 0xFFFFFFFFu
#define CON_CRC_WHOLE 0xDEBB20E3u /* the state after data and its CRC, low byte first */
uint32_t con_crc(uint32_t state, uint8_t byte);

/* text.c */
void con_put(const char *text);
void con_line(const char *text); /* text and CR LF */
void con_put_number(uint64_t value);
void con_put_hex(uint32_t value, int digits);
void con_put_crc(const char *text, uint32_t value); /* text, 8 hex digits, CR LF */
void con_numbered(const char *text, uint64_t value); /* text, value, CR LF */
void con_bracketed(const char *text, const char *inside); /* text, inside, "]", CR LF */
uint64_t con_divide(uint64_t numerator, uint32_t denominator, uint32_t *remainder);

/* Next word of a command, cut out in place; NULL at the end. */
char *con_word(char **rest);
bool con_is(const char *word, const char *expected);
bool con_number(const char *word, uint32_t *value); /* NULL or not a decimal number up to 2^31 - 1: false */
int con_hex_digit(char digit);                      /* 0..15, or -1 */
bool con_hex_number(const char *word, uint32_t *value); /* NULL or not 8 hex digits: false */

/* db.c: the input as loaded, kept because an inference may overwrite the model's own. Its form is that of `forms/`. */
void con_db(char *rest);
void con_load_inputs(void);
float con_input_real(uint32_t index); /* element of the first input as it was loaded */
uint8_t *con_input(void);
void con_set_loaded(uint32_t bytes); /* so many from the buffer's start hold the input that is being loaded */
uint32_t con_loaded(void); /* those of them that are the model's own, whatever form `db` takes */
bool con_has_input(void);   /* is all of it there? If not, an error line has stated how much is */
bool con_has_results(void); /* has an inference run? If not, an error line has been sent */
extern uint32_t con_input_crc; /* of the input the last inference ran on */

/* timing.c */
uint64_t con_time(void (*step)(void)); /* clock units of one call, an empty call's taken off; notes its stack */
uint64_t con_now(void);                /* clock units since boot */
bool con_clock_counts(void);           /* does the clock go on? If not, an error line has stated it */
uint64_t con_microseconds(uint64_t units);
extern uint32_t con_stack_inference_bytes;
uint32_t con_stack_all_bytes(void);

/* real.c: element of an int8 or float32 tensor whose bytes are at `data` */
float con_real(const ep_tensor_t *tensor, const uint8_t *data, uint32_t index);

/* infer.c: results are made by a header of `scores/` */
void con_infer(char *rest);
void con_results(char *rest);

/* ep.c, and the longer of its verbs */
void con_ep(char *rest);
void con_ep_load(char *rest);
void con_ep_loaded(char *rest);
void con_ep_output(char *rest);
void con_ep_layers(char *rest);
bool con_ep_boot(const char *verb); /* false when the verb is none of its own */

#endif
