#include "lines.h"

#include <string.h>

#include "checksum.h"
#include "system.h"

static char gathered[8192];
static size_t used;
static uint64_t count;
static uint32_t state = ~0u;
static long failed;

static void flush(void)
{
    if (sys_write_all(SYS_OUTPUT, gathered, used) < 0) {
        failed = -1;
    }
    used = 0;
}

static void put_bytes(const char *text, size_t length)
{
    if (length > sizeof gathered - used) {
        flush();
    }
    memcpy(gathered + used, text, length);
    state = crc(state, (const uint8_t *)text, length);
    used += length;
}

void put(const char *text)
{
    size_t length = strlen(text);
    put_bytes(text, length < 256 ? length : 256);
}

void put_number(uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    put_bytes(digits + at, sizeof digits - at);
}

void end_line(void)
{
    put_bytes("\n", 1);
    count++;
}

void line_text(const char *name, const char *text)
{
    put(name);
    put(" ");
    put(text);
    end_line();
}

void line_number(const char *name, uint64_t value)
{
    put(name);
    put(" ");
    put_number(value);
    end_line();
}

long end_lines(void)
{
    const uint32_t sum = ~state;
    put("end ");
    put_number(count);
    put(" ");
    put_number(sum);
    end_line();
    flush();
    return failed;
}
