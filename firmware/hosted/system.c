#include "system.h"

#include "calls.h"

enum { CLOCK_MONOTONIC = 1, AT_FDCWD = -100, INTERRUPTED = -4 };

long sys_read_all(int from, void *to, size_t count)
{
    size_t done = 0;
    while (done < count) {
        long got = sys_call(SYS_READ, from, (long)((uint8_t *)to + done), (long)(count - done), 0);
        if (got == 0) {
            break;
        }
        if (got < 0 && got != INTERRUPTED) {
            return got;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return (long)done;
}

long sys_write_all(int to, const void *from, size_t count)
{
    size_t done = 0;
    while (done < count) {
        long put = sys_call(SYS_WRITE, to, (long)((const uint8_t *)from + done), (long)(count - done), 0);
        if (put < 0 && put != INTERRUPTED) {
            return put;
        }
        done += put > 0 ? (size_t)put : 0;
    }
    return 0;
}

long sys_read_file(const char *path, void *to, size_t count)
{
    long file = sys_call(SYS_OPENAT, AT_FDCWD, (long)path, 0, 0);
    if (file < 0) {
        return file;
    }
    long got = sys_read_all((int)file, to, count);
    sys_call(SYS_CLOSE, file, 0, 0, 0);
    return got;
}

uint64_t sys_now_ns(void)
{
    struct {
        long seconds;
        long nanoseconds;
    } now = {0, 0};
    sys_call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&now, 0, 0);
    return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.nanoseconds;
}

long sys_keep_on(uint32_t core)
{
    unsigned long mask[1024 / (8 * sizeof(unsigned long))] = {0};
    const uint32_t bits = 8 * sizeof(unsigned long);
    if (core >= 1024) {
        return -1;
    }
    mask[core / bits] = 1ul << core % bits;
    return sys_call(SYS_SCHED_SETAFFINITY, 0, sizeof mask, (long)mask, 0);
}

uint32_t sys_core(void)
{
    uint32_t core = 0;
    sys_call(SYS_GETCPU, (long)&core, 0, 0, 0);
    return core;
}

/* Called by the entry point: what the kernel leaves on a new process's stack is a count, then that many words. */
__attribute__((noreturn, used)) void program_start(long *stack)
{
    const int status = program((int)stack[0], (char **)(stack + 1));
    for (;;) {
        sys_call(SYS_EXIT_GROUP, status, 0, 0, 0);
    }
}
