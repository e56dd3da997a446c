/* How deep a call goes: the stack below is filled with a pattern, and searched for the lowest byte that changed. */
#ifndef STACK_H
#define STACK_H

#include <stdint.h>

enum { STACK_MOST_BYTES = 262144 };

/* Of `work`, to 64 bytes or so; STACK_MOST_BYTES where it took that or more. */
uint32_t stack_bytes_of(void (*work)(void));

#endif
