/* fuzz.h: what the fuzz targets share. Nothing of this is compiled into a firmware. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <string.h>

#include "wp/crc32.h"
#include "wp/link.h"

/* The fuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Counts bytes of input; the sum is printed when the program ends: "fuzzed N bytes". */
void fuzz_count(size_t n);

/* Puts '$', '*', CRC and LF around a body. False if the line would be too long. */
static inline bool fuzz_frame(wp_line_writer *line, const uint8_t *body, size_t n)
{
    if (n < 1 || n > WP_LINE_MAX - 11) {
        return false;
    }
    memset(line, 0, sizeof *line);
    line->bytes[0] = '$';
    memcpy(line->bytes + 1, body, n);
    line->length = (uint8_t)(n + 1);
    return wp_line_end(line) != 0;
}

#endif
