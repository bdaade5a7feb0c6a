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
