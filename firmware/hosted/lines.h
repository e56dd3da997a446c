/* Lines of words on the standard output, gathered and written in one piece where they fit. */
#ifndef LINES_H
#define LINES_H

#include <stdint.h>

void put(const char *text);
void put_number(uint64_t value);
void end_line(void);

/* `name value\n` */
void line_text(const char *name, const char *text);
void line_number(const char *name, uint64_t value);

/*
 * The last line, `end COUNT CRC`: how many there were before it, and their CRC-32 in decimal. Writes what is still
 * gathered; negative on an error.
 */
long end_lines(void);

#endif
