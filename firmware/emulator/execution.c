/*
 * A plugin for QEMU (its TCG plugin API): how often each basic block of an inference runs, and how
 * long its instructions and data would wait for the flash of a microcontroller. Nothing of this is on a device.
 *
 *     -plugin execution.so,settings=FILE
 *
 * FILE, a line each: the file to write; "caller FIRST END", the function that calls steps; "flash FIRST END";
 * "timing WAITS NEXT_WAITS READ_BYTES PREFETCHES CODE_LINES DATA_LINES LINE_BYTES SET_WAYS IS_UNIFIED"; "step ADDRESS" for
 * each function it may call.
 * A step is counted from the caller's call until the caller runs again; its last run counts. After the last step of FILE
 * ends, the counts are written: "STEP FIRST BYTES COUNT TAKEN ENTERED CODE_WAITS DATA_WAITS UNALIGNED", numbers in decimal.
 *
 * Between two accesses time is one cycle an instruction, one more for a load behind no load, two for a branch taken.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flash_interface.h"

#ifndef PLUGIN_VERSION
#define PLUGIN_VERSION 1
#endif

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_info_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, void (*)(unsigned, void *), int, void *);
extern void qemu_plugin_register_vcpu_mem_cb(
    struct qemu_plugin_insn *, void (*)(unsigned, qemu_plugin_meminfo_t, uint64_t, void *), int, int, void *);
extern unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
extern bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
int qemu_plugin_version = PLUGIN_VERSION;

enum { NO_REGISTERS = 0, READS_AND_WRITES = 3, BUCKETS = 1 << 14, MOST_STEPS = 1 << 16 };
enum { PAGE_BYTES = 1024 };

typedef struct block block_t;

/* A block in one step. */
typedef struct counts {
    block_t *block;
    struct counts *next_of_block, *next_of_step;
    uint32_t step;
    uint64_t count, taken, entered, code_waits, data_waits, unaligned;
} counts_t;

/* starts: of each instruction, and the block's end, from `first`. */
struct block {
    uint32_t first, length;
    uint16_t *starts;
    counts_t *counts;
    block_t *next;
};

static char out_path[4096];
static uint32_t caller_first, caller_end;
static uint32_t steps[MOST_STEPS], step_count;
static counts_t *of_step[MOST_STEPS];
static block_t *blocks[BUCKETS];

static bool is_counting, was_in_caller;
static uint32_t step;
static counts_t *running, *before;
static uint32_t fetched; /* instructions of the running block whose fetch is counted */
static int last_load;

/* Counts the fetch of the running block's instructions up to this one, so that code and data keep their order. */
static void fetch_up_to(uint32_t end)
{
    const block_t *block = running->block;
    for (; fetched < end; fetched++, now++) {
        uint32_t first = block->first + block->starts[fetched], last = block->first + block->starts[fetched + 1] - 2;
        running->code_waits += code_waits(first);
        if (last / read_bytes != first / read_bytes) {
            running->code_waits += code_waits(last);
        }
    }
}

static counts_t *counts_of(block_t *block)
{
    for (counts_t *counts = block->counts; counts != NULL; counts = counts->next_of_block) {
        if (counts->step == step) {
            return counts;
        }
    }
    counts_t *counts = calloc(1, sizeof *counts);
    if (counts == NULL) {
        abort();
    }
    *counts = (counts_t){.block = block, .next_of_block = block->counts, .next_of_step = of_step[step], .step = step};
    block->counts = of_step[step] = counts;
    return counts;
}

static void write_counts(void)
{
    char unfinished[sizeof out_path + 8];
    snprintf(unfinished, sizeof unfinished, "%s.part", out_path);
    FILE *file = fopen(unfinished, "w");
    if (file == NULL) {
        return;
    }
    for (uint32_t i = 0; i < step_count; i++) {
        for (const counts_t *c = of_step[i]; c != NULL; c = c->next_of_step) {
            if (c->count != 0) {
                fprintf(file, "%u %u %u %llu %llu %llu %llu %llu %llu\n", i, c->block->first,
                    c->block->starts[c->block->length], (unsigned long long)c->count, (unsigned long long)c->taken,
                    (unsigned long long)c->entered, (unsigned long long)c->code_waits, (unsigned long long)c->data_waits,
                    (unsigned long long)c->unaligned);
            }
        }
    }
    if (fclose(file) == 0) {
        rename(unfinished, out_path);
    }
}

static void step_begins(uint32_t which)
{
    step = which;
    is_counting = true;
    running = before = NULL;
    for (counts_t *c = of_step[step]; c != NULL; c = c->next_of_step) {
        c->count = c->taken = c->entered = c->code_waits = c->data_waits = c->unaligned = 0;
    }
}

static void step_ends(void)
{
    if (running != NULL) {
        fetch_up_to(running->block->length);
    }
    is_counting = false;
    if (step == step_count - 1) {
        write_counts();
    }
}

static void on_block(unsigned cpu, void *data)
{
    (void)cpu;
    block_t *block = data;
    bool is_caller = block->first >= caller_first && block->first < caller_end;
    if (is_counting && is_caller) {
        step_ends();
    } else if (!is_counting && was_in_caller) {
        for (uint32_t i = 0; i < step_count && !is_counting; i++) {
            if (steps[i] == block->first) {
                step_begins(i);
            }
        }
    }
    was_in_caller = is_caller;
    if (!is_counting) {
        return;
    }
    if (running != NULL) {
        fetch_up_to(running->block->length);
        before = running;
    }
    running = counts_of(block);
    if (before != NULL && before->block->first + before->block->starts[before->block->length] != block->first) {
        before->taken++;
        running->entered++;
        now += 2;
    }
    running->count++;
    fetched = 0;
    last_load = -2;
}

static void on_access(unsigned cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
    (void)cpu;
    int instruction = (int)(intptr_t)data;
    if (!is_counting || running == NULL || instruction >= (int)running->block->length) {
        return;
    }
    fetch_up_to((uint32_t)instruction + 1);
    uint32_t bytes = 1u << qemu_plugin_mem_size_shift(info);
    if (address % bytes != 0) {
        running->unaligned += bytes == 4 && address % 2 != 0 ? 2 : 1;
        now++;
    }
    if (qemu_plugin_mem_is_store(info)) {
        return;
    }
    now += instruction != last_load && instruction != last_load + 1;
    last_load = instruction;
    if (address >= flash_first && address < flash_end) {
        running->data_waits += data_waits((uint32_t)address);
    }
}

/* Bytes of the last instruction; QEMU 7.2 appends the next one's first half to one before a page's end. */
static uint32_t last_bytes(const struct qemu_plugin_insn *last, uint32_t address)
{
    uint32_t bytes = (uint32_t)qemu_plugin_insn_size(last), room = PAGE_BYTES - address % PAGE_BYTES;
    return bytes > 4 || (bytes == 4 && room == 2) ? bytes - 2 : bytes;
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t length = qemu_plugin_tb_n_insns(tb);
    uint32_t first = (uint32_t)qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0));
    block_t **bucket = &blocks[(first >> 1) % BUCKETS], *block = *bucket;
    while (block != NULL && (block->first != first || block->length != length)) {
        block = block->next;
    }
    if (block == NULL) {
        block = calloc(1, sizeof *block);
        uint16_t *starts = calloc(length + 1, sizeof *starts);
        if (block == NULL || starts == NULL) {
            abort();
        }
        for (size_t i = 0; i < length; i++) {
            starts[i] = (uint16_t)(qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, i)) - first);
        }
        struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, length - 1);
        starts[length] = (uint16_t)(starts[length - 1] + last_bytes(last, first + starts[length - 1]));
        *block = (block_t){.first = first, .length = (uint32_t)length, .starts = starts, .next = *bucket};
        *bucket = block;
    }
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, NO_REGISTERS, block);
    for (size_t i = 0; i < length; i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        qemu_plugin_register_vcpu_mem_cb(instruction, on_access, NO_REGISTERS, READS_AND_WRITES, (void *)(intptr_t)i);
    }
}

static bool read_settings(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return false;
    }
    char line[256];
    bool is_whole = fgets(out_path, sizeof out_path, file) != NULL;
    out_path[strcspn(out_path, "\n")] = '\0';
    while (is_whole && fgets(line, sizeof line, file) != NULL) {
        uint32_t address;
        if (sscanf(line, "step %u", &address) == 1 && step_count < MOST_STEPS) {
            steps[step_count++] = address;
        } else {
            is_whole = sscanf(line, "caller %u %u", &caller_first, &caller_end) == 2 ||
                sscanf(line, "flash %u %u", &flash_first, &flash_end) == 2 ||
                sscanf(line, "timing %u %u %u %u %u %u %u %u %u", &waits, &next_waits, &read_bytes, &prefetches,
                    &code_lines, &data_lines, &line_bytes, &set_ways, &is_unified) == 9;
        }
    }
    fclose(file);
    return is_whole && step_count > 0 && read_bytes > 0 && line_bytes >= read_bytes && line_bytes <= 32 * read_bytes &&
        code_lines <= MOST_LINES && data_lines <= MOST_LINES && (set_ways == 0 || code_lines % set_ways == 0) &&
        (set_ways == 0 || data_lines % set_ways == 0);
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int count, char **arguments)
{
    (void)info;
    static const char name[] = "settings=";
    if (count != 1 || strncmp(arguments[0], name, sizeof name - 1) != 0 || !read_settings(arguments[0] + sizeof name - 1)) {
        fprintf(stderr, "execution: no settings\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
