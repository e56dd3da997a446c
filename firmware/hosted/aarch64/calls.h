/* Numbers of system calls (Linux, its generic table). */
#ifndef CALLS_H
#define CALLS_H

enum {
    SYS_OPENAT = 56,
    SYS_CLOSE = 57,
    SYS_READ = 63,
    SYS_WRITE = 64,
    SYS_EXIT_GROUP = 94,
    SYS_CLOCK_GETTIME = 113,
    SYS_SCHED_SETAFFINITY = 122,
    SYS_GETCPU = 168
};

#endif
