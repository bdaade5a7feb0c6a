/* line.h: the native board's line: a pseudo-terminal, or stdin and stdout. POSIX only. */
#ifndef NATIVE_LINE_H
#define NATIVE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_NO_LIMIT UINT64_MAX

typedef enum line_event { LINE_READY, LINE_SILENT, LINE_ENDED } line_event;

typedef struct native_line {
    int in;
    int out;
    int watch; /* the line ends with this descriptor; -1 when `in` itself is watched */
} native_line;

/* stdin and stdout. */
native_line line_on_stdio(void);

/* A new pseudo-terminal, whose path goes to stdout; ends with stdin. False, and errno, without one. */
bool line_on_pty(native_line *line);

/* Waits until bytes can be read, sleeping, for at most limit_us (LINE_NO_LIMIT: as long as it takes). */
line_event line_wait(const native_line *line, uint64_t limit_us);

/* Reads what has arrived. LINE_SILENT: nothing after all. */
line_event line_read(const native_line *line, uint8_t *bytes, size_t size, size_t *n);

/* Sends all n bytes, waiting as the line needs it. Ends the program when the line has ended. */
void line_write(const native_line *line, const uint8_t *bytes, size_t n);

#endif
