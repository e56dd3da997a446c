/* What the machine tells about itself in files: governor, frequency, temperature, throttling, memory. */
#ifndef MACHINE_H
#define MACHINE_H

#include <stdint.h>

/* A line `WHEN NAME VALUE` for each file that is there, of the core this process runs on. */
void machine_state(const char *when);

/* The most memory this process ever had resident (VmHWM of /proc/self/status); 0 where that is not told. */
uint64_t machine_peak_rss_bytes(void);

#endif
