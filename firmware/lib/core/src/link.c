#include "wp/link.h"

#include <string.h>

#include "wp/crc32.h"

#define CRC_DIGITS 8u
#define NUMBER_DIGITS_MAX 8u                /* 2^32 - 1 */
#define NUMBER_MAX ((int64_t)0xFFFFFFFF)
#define LINE_SHORTEST (2u + 1u + CRC_DIGITS) /* "$T*" and the CRC, without LF */

static const char hex_digits[] = "0123456789ABCDEF";

/* Value of an upper-case hexadecimal digit, 16 for anything else. */
static uint32_t digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return (uint32_t)byte - '0';
    }
    if (byte >= 'A' && byte <= 'F') {
        return (uint32_t)byte - 'A' + 10u;
    }
    return 16u;
}

/* Reads n digits, at most eight of them. False if one is no digit. */
static bool read_digits(const uint8_t *digits, size_t n, uint32_t *value)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t digit = digit_value(digits[i]);
        if (digit > 15u) {
            return false;
        }
        sum = (sum << 4) | digit;
    }
    *value = sum;
    return true;
}

/* Reads a canonical number: '-' in front of a negative one, no leading zero, no "-0". */
static bool read_number(const uint8_t *text, size_t n, int64_t *value)
{
    const bool negative = n > 0 && text[0] == '-';
    const size_t n_signs = negative ? 1 : 0;
    const uint8_t *digits = text + n_signs;
    const size_t n_digits = n - n_signs;
    uint32_t magnitude;

    if (n_digits == 0 || n_digits > NUMBER_DIGITS_MAX) {
        return false;
    }
    if (digits[0] == '0' && (n_digits > 1 || negative)) {
        return false;
    }
    if (!read_digits(digits, n_digits, &magnitude)) {
        return false;
    }
    *value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

/* Reads ",number" n_fields times; body is what stands between the type and '*'. */
static wp_status read_fields(const uint8_t *body, size_t length, wp_message *message)
{
    size_t at = 0;
    message->n_fields = 0;
    while (at < length) { /* each turn consumes at least the comma */
        size_t end = at + 1;
        if (body[at] != ',' || message->n_fields >= WP_LINE_FIELDS_MAX) {
            return WP_ERROR_FIELD;
        }
        while (end < length && body[end] != ',') {
            end++;
        }
        if (!read_number(body + at + 1, end - at - 1, &message->fields[message->n_fields])) {
            return WP_ERROR_FIELD;
        }
        message->n_fields++;
        at = end;
    }
    return WP_OK;
}

void wp_line_reader_init(wp_line_reader *reader)
{
    memset(reader, 0, sizeof *reader);
}

bool wp_line_reader_push(wp_line_reader *reader, uint8_t byte)
{
    if (reader->complete) {
        reader->complete = false;
        reader->overflow = false;
        reader->length = 0;
    }
    if (byte == '\n') {
        reader->complete = true;
    } else if (reader->length < WP_LINE_MAX - 1) {
        reader->bytes[reader->length] = byte;
        reader->length++;
    } else {
        reader->overflow = true;
    }
    return reader->complete;
}

bool wp_line_is_message(const uint8_t *line, size_t length)
{
    return length > 0 && line[0] == '$';
}

wp_status wp_line_parse(const uint8_t *line, size_t length, wp_message *message)
{
    uint32_t crc;
    if (length > WP_LINE_MAX - 1) {
        return WP_ERROR_LENGTH;
    }
    if (length < LINE_SHORTEST || line[0] != '$' || line[length - CRC_DIGITS - 1u] != '*') {
        return WP_ERROR_CRC;
    }
    const size_t n_checked = length - CRC_DIGITS - 2u; /* between '$' and '*' */
    if (!read_digits(line + length - CRC_DIGITS, CRC_DIGITS, &crc) || crc != wp_crc32(0, line + 1, n_checked)) {
        return WP_ERROR_CRC;
    }
    if (line[1] < 'A' || line[1] > 'Z') {
        return WP_ERROR_FIELD;
    }
    message->type = line[1];
    return read_fields(line + 2, n_checked - 1u, message);
}

static void put(wp_line_writer *writer, char byte)
{
    if (writer->length < WP_LINE_MAX) {
        writer->bytes[writer->length] = (uint8_t)byte;
        writer->length++;
    } else {
        writer->overflow = true;
    }
}

/* n_digits 1 .. 8, the most significant first. */
static void put_digits(wp_line_writer *writer, uint32_t value, uint8_t n_digits)
{
    for (uint32_t left = n_digits; left > 0; left--) {
        put(writer, hex_digits[(value >> (4u * (left - 1u))) & 15u]);
    }
}

void wp_line_begin(wp_line_writer *writer, uint8_t type)
{
    memset(writer, 0, sizeof *writer);
    put(writer, '$');
    put(writer, (char)type);
}

void wp_line_field(wp_line_writer *writer, int64_t value)
{
    if (value < -NUMBER_MAX || value > NUMBER_MAX) {
        writer->overflow = true;
        return;
    }
    const uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    uint8_t n_digits = 1;
    while (n_digits < NUMBER_DIGITS_MAX && (magnitude >> (4u * n_digits)) != 0) {
        n_digits++;
    }
    put(writer, ',');
    if (value < 0) {
        put(writer, '-');
    }
    put_digits(writer, magnitude, n_digits);
}

void wp_line_field_fixed(wp_line_writer *writer, uint32_t value, uint8_t n_digits)
{
    if (n_digits == 0 || n_digits > NUMBER_DIGITS_MAX || (n_digits < 8 && (value >> (4u * n_digits)) != 0)) {
        writer->overflow = true;
        return;
    }
    put(writer, ',');
    put_digits(writer, value, n_digits);
}

size_t wp_line_end(wp_line_writer *writer)
{
    const uint32_t crc = wp_crc32(0, writer->bytes + 1, writer->length - 1u);
    put(writer, '*');
    put_digits(writer, crc, CRC_DIGITS);
    put(writer, '\n');
    return writer->overflow ? 0 : writer->length;
}
