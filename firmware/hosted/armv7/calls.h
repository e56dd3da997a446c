/* Numbers of system calls (Linux, its table of 32-bit Arm). */
#ifndef CALLS_H
#define CALLS_H

enum {
    SYS_READ = 3,
    SYS_WRITE = 4,
    SYS_CLOSE = 6,
    SYS_SCHED_SETAFFINITY = 241,
    SYS_EXIT_GROUP = 248,
    SYS_CLOCK_GETTIME = 263,
    SYS_OPENAT = 322,
    SYS_GETCPU = 345
};

#endif
