/*
 * How long instructions and constants wait for a microcontroller's flash: the interface of ST's RM0432 (Embedded Flash
 * memory, read access latency and the ART accelerator), with one read buffer each for code and data, prefetch of the next
 * line, and least-recently-used caches, in sets where the chip's are. Included once, by execution.c.
 */
#ifndef EMULATOR_FLASH_INTERFACE_H
#define EMULATOR_FLASH_INTERFACE_H

#include <stdbool.h>
#include <stdint.h>

enum { MOST_LINES = 4096 };
#define NOWHERE UINT32_MAX

typedef struct {
    uint32_t line, parts;
    uint64_t used;
} way_t;

static uint32_t flash_first, flash_end;
static unsigned waits, next_waits, read_bytes = 8, prefetches, code_lines, data_lines, line_bytes = 8;
static unsigned set_ways, is_unified; /* 0 ways: any line lies anywhere; unified: the code's cache holds data, too */

/* now: cycles so far, waits included. */
static uint64_t now, array_free_at, prefetched_at;
static uint32_t code_buffer = NOWHERE, prefetch_buffer = NOWHERE, data_buffer = NOWHERE, array_buffer = NOWHERE;
static way_t code_cache[MOST_LINES], data_cache[MOST_LINES];

/* Whether the cache holds the read-sized part of a line; it does afterwards. */
static bool cached(way_t *ways, unsigned count, uint32_t address)
{
    if (count == 0) {
        return false;
    }
    uint32_t line = address / line_bytes, part = 1u << (address % line_bytes / read_bytes);
    if (set_ways != 0) {
        ways += line % (count / set_ways) * set_ways;
        count = set_ways;
    }
    way_t *oldest = ways;
    for (way_t *way = ways; way < ways + count; way++) {
        if (way->parts != 0 && way->line == line) {
            bool holds = (way->parts & part) != 0;
            way->parts |= part;
            way->used = now;
            return holds;
        }
        oldest = way->used < oldest->used ? way : oldest;
    }
    *oldest = (way_t){line, part, now};
    return false;
}

/* Waits of a read of the array: fewer where it goes on behind the last one. */
static unsigned array_waits(uint32_t read)
{
    unsigned needed = array_buffer != NOWHERE && read == array_buffer + 1 ? next_waits : waits;
    array_buffer = read;
    return needed;
}

static void prefetch(uint32_t read)
{
    if (!prefetches || prefetch_buffer == read) {
        return;
    }
    prefetch_buffer = read;
    prefetched_at = (array_free_at > now ? array_free_at : now) + array_waits(read) + 1;
    array_free_at = prefetched_at;
}

static unsigned code_waits(uint32_t address)
{
    uint32_t read = address / read_bytes;
    if (address < flash_first || address >= flash_end || read == code_buffer) {
        return 0;
    }
    unsigned waited = 0;
    if (read == prefetch_buffer) {
        waited = prefetched_at > now + 1 ? (unsigned)(prefetched_at - now - 1) : 0;
        waited = waited > waits ? waits : waited;
        code_buffer = read;
        cached(code_cache, code_lines, address);
        now += waited;
        prefetch(read + 1);
        return waited;
    }
    code_buffer = read;
    if (cached(code_cache, code_lines, address)) {
        return 0;
    }
    waited = array_waits(read) + (array_free_at > now ? (unsigned)(array_free_at - now) : 0);
    now += waited;
    array_free_at = now;
    prefetch(read + 1);
    return waited;
}

static unsigned data_waits(uint32_t address)
{
    uint32_t read = address / read_bytes;
    if (read == data_buffer) {
        return 0;
    }
    data_buffer = read;
    if (is_unified ? cached(code_cache, code_lines, address) : cached(data_cache, data_lines, address)) {
        return 0;
    }
    unsigned waited = array_waits(read) + (array_free_at > now ? (unsigned)(array_free_at - now) : 0);
    waited = waited > 2 * waits + 1 ? 2 * waits + 1 : waited; /* a prefetch is let finish, no more than one */
    now += waited;
    array_free_at = now;
    return waited;
}

#endif
