#include "runtime.h"

#include <string.h>

static uint8_t buffer[4096];
static size_t filled;

void output_end(void)
{
    machine_write(buffer, filled);
    filled = 0;
}

void output(const void *bytes, size_t n)
{
    const uint8_t *from = bytes;
    while (n > 0) { /* each turn moves at least one byte */
        const size_t part = n < sizeof buffer - filled ? n : sizeof buffer - filled;
        memcpy(buffer + filled, from, part);
        filled += part;
        from += part;
        n -= part;
        if (filled == sizeof buffer) {
            output_end();
        }
    }
}

void report(const char *name, uint64_t value)
{
    char digits[20]; /* 2^64 has 20 digits */
    uint32_t n = sizeof digits;
    do {
        digits[--n] = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0u && n > 0u);
    output(name, strlen(name));
    output(" ", 1);
    output(digits + n, sizeof digits - n);
    output("\n", 1);
}
