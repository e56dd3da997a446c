/*
 * A generated model as a program: what it is, samples through it, its time and memory.
 *
 *   PROGRAM identity             lines: model, hash, target, build, bytes of one input and one output, layers, arena
 *   PROGRAM run                  samples from the input, end to end -> their outputs, end to end, then the trailer
 *   PROGRAM time WARM-UP N [CORE]   one sample from the input -> lines: nanoseconds of each of N inferences and of
 *                                every layer in N more, the state of the machine before and after, its peak memory
 *   PROGRAM stack                one sample from the input -> a line: bytes of stack an inference takes
 *
 * The trailer of `run` is 16 bytes: "EPOK", then little-endian uint32 the samples, CRC-32 of all inputs and of all
 * outputs. Lines end with `end COUNT CRC`. Without either, the link was cut: nothing of it counts.
 * Exit status: 0; 2 for other words; 3 where the input ends inside a sample; 4 where the output cannot be written.
 */
#include <string.h>

#include "checksum.h"
#include "ep_model.h"
#include "lines.h"
#include "machine.h"
#include "stack.h"
#include "system.h"

extern const char ep_build_id[];

enum { DONE = 0, OTHER_WORDS = 2, INPUT_ENDS = 3, CANNOT_WRITE = 4 };

static uint8_t sample[EP_INPUT_BYTES]; /* inputs may be overwritten by an inference */

static void load_inputs(void)
{
    const uint8_t *from = sample;
    for (uint32_t i = 0; i < ep_model_input_count; i++) {
        memcpy(ep_model_inputs[i].data, from, ep_model_inputs[i].size_bytes);
        from += ep_model_inputs[i].size_bytes;
    }
}

static uint32_t output_bytes(void)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < ep_model_output_count; i++) {
        total += ep_model_outputs[i].size_bytes;
    }
    return total;
}

static int complain(const char *text, int status)
{
    sys_write_all(SYS_ERRORS, text, strlen(text));
    return status;
}

/* One whole sample, or the status to end with. */
static int read_sample(void)
{
    if (sys_read_all(SYS_INPUT, sample, sizeof sample) != (long)sizeof sample) {
        return complain("the input ends inside a sample\n", INPUT_ENDS);
    }
    return DONE;
}

static int identity(void)
{
    line_text("model", ep_model_id);
    line_text("hash", ep_model_hash);
    line_text("target", ep_model_target);
    line_text("build", ep_build_id);
    line_number("input_bytes", EP_INPUT_BYTES);
    line_number("output_bytes", output_bytes());
    line_number("layers", ep_model_layer_count);
    line_number("arena_bytes", ep_model_arena_bytes);
    return end_lines() < 0 ? CANNOT_WRITE : DONE;
}

static void put_word(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> 8 * i);
    }
}

static int run(void)
{
    uint8_t trailer[16] = {'E', 'P', 'O', 'K'};
    uint32_t samples = 0, in_crc = ~0u, out_crc = ~0u;
    for (;;) {
        long got = sys_read_all(SYS_INPUT, sample, sizeof sample);
        if (got == 0) {
            break;
        }
        if (got != (long)sizeof sample) {
            return complain("the input ends inside a sample\n", INPUT_ENDS);
        }
        in_crc = crc(in_crc, sample, sizeof sample);
        load_inputs();
        ep_model_invoke();
        for (uint32_t i = 0; i < ep_model_output_count; i++) {
            const ep_tensor_t *out = &ep_model_outputs[i];
            out_crc = crc(out_crc, out->data, out->size_bytes);
            if (sys_write_all(SYS_OUTPUT, out->data, out->size_bytes) < 0) {
                return CANNOT_WRITE;
            }
        }
        samples++;
    }
    put_word(trailer + 4, samples);
    put_word(trailer + 8, ~in_crc);
    put_word(trailer + 12, ~out_crc);
    return sys_write_all(SYS_OUTPUT, trailer, sizeof trailer) < 0 ? CANNOT_WRITE : DONE;
}

static uint64_t ns_of(void (*work)(void))
{
    const uint64_t begin = sys_now_ns();
    work();
    return sys_now_ns() - begin;
}

static int time_runs(uint32_t warm_up, uint32_t runs)
{
    const int status = read_sample();
    if (status != DONE) {
        return status;
    }
    for (uint32_t i = 0; i < warm_up; i++) {
        load_inputs();
        ep_model_invoke();
    }
    machine_state("before");
    for (uint32_t i = 0; i < runs; i++) {
        load_inputs();
        line_number("run", ns_of(ep_model_invoke));
    }
    machine_state("after");
    line_number("core", sys_core());
    for (uint32_t i = 0; i < runs; i++) {
        load_inputs();
        put("layers");
        for (uint32_t layer = 0; layer < ep_model_layer_count; layer++) {
            put(" ");
            put_number(ns_of(ep_model_layers[layer]));
        }
        end_line();
    }
    line_number("peak_rss_bytes", machine_peak_rss_bytes());
    return end_lines() < 0 ? CANNOT_WRITE : DONE;
}

static void infer(void)
{
    load_inputs();
    ep_model_invoke();
}

static int measure_stack(void)
{
    const int status = read_sample();
    if (status != DONE) {
        return status;
    }
    line_number("stack_bytes", stack_bytes_of(infer));
    return end_lines() < 0 ? CANNOT_WRITE : DONE;
}

static int is(const char *word, const char *name)
{
    return strlen(word) == strlen(name) && memcmp(word, name, strlen(name)) == 0;
}

/* A decimal number below a million, or -1. */
static long number(const char *word)
{
    long value = 0;
    if (*word == '\0' || strlen(word) > 6) {
        return -1;
    }
    for (; *word != '\0'; word++) {
        if (*word < '0' || *word > '9') {
            return -1;
        }
        value = value * 10 + (*word - '0');
    }
    return value;
}

int program(int count, char **argv)
{
    if (count == 2 && is(argv[1], "identity")) {
        return identity();
    }
    if (count == 2 && is(argv[1], "run")) {
        return run();
    }
    if (count == 2 && is(argv[1], "stack")) {
        return measure_stack();
    }
    if ((count == 4 || count == 5) && is(argv[1], "time")) {
        const long warm_up = number(argv[2]), runs = number(argv[3]);
        const long core = count == 5 ? number(argv[4]) : 0;
        if (warm_up >= 0 && runs > 0 && core >= 0) {
            if (count == 5 && sys_keep_on((uint32_t)core) < 0) {
                return complain("this core cannot be chosen\n", OTHER_WORDS);
            }
            return time_runs((uint32_t)warm_up, (uint32_t)runs);
        }
    }
    return complain("identity | run | time WARM-UP N [CORE] | stack\n", OTHER_WORDS);
}
