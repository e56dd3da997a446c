/* The commands of ST's application note AN3155 (USART protocol of the STM32 bootloader), on the application's slot. */
#ifndef AN3155_H
#define AN3155_H

#include <stdbool.h>
#include <stdint.h>

/* True when a host called (0x7F) within that time; it has had its answer. */
bool an3155_called(uint32_t timeout_ms);

/* Answers commands until a Go, or until no byte came for a minute; both end in a reset. */
_Noreturn void an3155_run(void);

#endif
