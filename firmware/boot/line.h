/* Bytes over the board's UART, with time limits. */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

#define LINE_SILENT (-1)

void line_put(uint8_t byte);
int line_get(uint32_t timeout_ms);  /* a byte, or LINE_SILENT */
void line_wait_silence(void);       /* drops bytes until none has come for 5 ms, or until a second has passed */

/* The same up to a point in time. A byte that is there is taken, late as it may be: loops look at the clock as well. */
uint64_t line_deadline(uint32_t duration_ms);
int line_get_until(uint64_t deadline);
bool line_is_late(uint64_t deadline);

#endif
