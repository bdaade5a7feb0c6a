/* board_input.h: what the fuzz targets of the two boards share: the fuzzer's input, read a piece at a time, and both
 * directions of the line. */
#ifndef BOARD_INPUT_H
#define BOARD_INPUT_H

#include <stdlib.h>

#include "fuzz.h"
#include "wp/board.h"

typedef struct fuzz_input {
    const uint8_t *next;
    const uint8_t *end;
} fuzz_input;

static inline void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static inline uint32_t take(fuzz_input *input, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value = value << 8 | (input->next < input->end ? *input->next++ : 0u);
    }
    return value;
}

/* A signed number, more often small than not: its first byte says how many bytes count. */
static inline int32_t take_signed(fuzz_input *input)
{
    const uint32_t shift = 8u * (take(input, 1) % 4u);
    const uint32_t value = take(input, 3) << 8;
    return (int32_t)(value >> shift) * ((value & 256u) != 0u ? -1 : 1);
}

/* What goes out is a line: whole, and of characters of the wire. */
static inline void fuzz_write(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    check(n >= 12 && n <= WP_LINE_MAX && bytes[0] == '$' && bytes[n - 1] == '\n' && bytes[n - 10] == '*');
    for (size_t i = 1; i + 1 < n; i++) {
        check(bytes[i] >= '*' && bytes[i] <= 'Z');
    }
}

/* The next bytes of the input to the board, as they are or as the body of a line. */
static inline void send_bytes(wp_board *board, fuzz_input *input, bool framed)
{
    wp_line_writer line;
    size_t n = take(input, 1) % WP_LINE_MAX;
    const size_t left = (size_t)(input->end - input->next);
    n = n < left ? n : left;
    if (!framed) {
        wp_board_receive(board, input->next, n);
    } else if (fuzz_frame(&line, input->next, n)) {
        wp_board_receive(board, line.bytes, line.length);
    }
    input->next += n;
}

#endif
