/*
 * What a program asks of Linux (and so of Android), by system calls alone: no C library is linked, so the same file runs
 * on every distribution and is a few kilobytes beside its model.
 *
 * One folder a processor defines `sys_call`, the entry point, which calls `program`, and the numbers in `calls.h`.
 */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stddef.h>
#include <stdint.h>

/* The kernel's answer; negative values from -4095 on are errors. */
long sys_call(long number, long a, long b, long c, long d);

/* The exit status. argv[count] is NULL. */
int program(int count, char **argv);

/* Descriptors of every process. */
enum { SYS_INPUT = 0, SYS_OUTPUT = 1, SYS_ERRORS = 2 };

/* Bytes read, fewer than `count` only where the input ended; negative on an error. */
long sys_read_all(int from, void *to, size_t count);

/* 0, or negative on an error. */
long sys_write_all(int to, const void *from, size_t count);

/* The first `count` bytes of a file at most; their number, or negative where it cannot be read. */
long sys_read_file(const char *path, void *to, size_t count);

/* Nanoseconds of a clock that is never set (CLOCK_MONOTONIC). */
uint64_t sys_now_ns(void);

/* Keeps this process on one core; 0, or negative where that is refused. */
long sys_keep_on(uint32_t core);

/* The core it runs on. */
uint32_t sys_core(void);

#endif
