/* Numbers of system calls (Linux, its table of 64-bit x86). */
#ifndef CALLS_H
#define CALLS_H

enum {
    SYS_READ = 0,
    SYS_WRITE = 1,
    SYS_CLOSE = 3,
    SYS_SCHED_SETAFFINITY = 203,
    SYS_CLOCK_GETTIME = 228,
    SYS_EXIT_GROUP = 231,
    SYS_OPENAT = 257,
    SYS_GETCPU = 309
};

#endif
