/* wp/link.h: lines on the wire, docs/wire.md. Framing and numbers only; wp/board.h gives them meaning. */
#ifndef WP_LINK_H
#define WP_LINK_H

#include "wp/types.h"

/* Longest line in bytes, LF included. */
#define WP_LINE_MAX 63

/* Most fields after the type. */
#define WP_LINE_FIELDS_MAX 8

/* Collects bytes into lines. Any byte sequence leaves it in a defined state. */
typedef struct wp_line_reader {
    uint8_t bytes[WP_LINE_MAX];
    uint8_t length;
    bool overflow; /* too long: the rest is dropped until the next LF */
    bool complete; /* bytes hold a whole line; the next byte begins another */
} wp_line_reader;

void wp_line_reader_init(wp_line_reader *reader);

/* Takes one byte. Returns true when it completed a line (an LF came); reader->bytes[0..length) then holds the line
 * without LF until the next call. Over-long lines are reported with overflow set. */
bool wp_line_reader_push(wp_line_reader *reader, uint8_t byte);

/* A parsed line: its type letter and its fields as numbers. */
typedef struct wp_message {
    uint8_t type;
    uint8_t n_fields;
    int64_t fields[WP_LINE_FIELDS_MAX]; /* -(2^32-1) .. 2^32-1 */
} wp_message;

/* Checks frame, CRC and numbers, in that order. The one way to write each number is the canonical one, so fields that
 * are zero-padded to a fixed width (a board sends some, it receives none) are not numbers here.
 *
 *   line     [length] without LF; any bytes
 *   message  unspecified on error
 *
 * Returns WP_OK, WP_ERROR_LENGTH, WP_ERROR_CRC (no frame, or another checksum) or WP_ERROR_FIELD. */
WP_MUST_CHECK wp_status wp_line_parse(const uint8_t *line, size_t length, wp_message *message);

/* Whether the line wants to be a message at all (begins with '$'); any other, the empty one too, is a log. */
bool wp_line_is_message(const uint8_t *line, size_t length);

/* Builds a line. Never overflows: a field that does not fit makes wp_line_end return 0. */
typedef struct wp_line_writer {
    uint8_t bytes[WP_LINE_MAX];
    uint8_t length;
    bool overflow;
} wp_line_writer;

void wp_line_begin(wp_line_writer *writer, uint8_t type);
void wp_line_field(wp_line_writer *writer, int64_t value);                 /* canonical hex, sign in front */
void wp_line_field_fixed(wp_line_writer *writer, uint32_t value, uint8_t n_digits); /* zero-padded hex */
/* Adds '*', CRC and LF. Returns the bytes of the whole line, 0 if it did not fit. */
size_t wp_line_end(wp_line_writer *writer);

#endif
