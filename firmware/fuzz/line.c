/* Fuzzes the line reader and the parser: any bytes, in one go. tools/fuzz.py builds and runs this. */
#include <stdlib.h>

#include "fuzz.h"
#include "wp/link.h"

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* A line that was accepted says the same when it is written anew: there is one way to write each message. */
static void check_message(const wp_line_reader *reader, const wp_message *message)
{
    wp_line_writer writer;
    check(message->type >= 'A' && message->type <= 'Z' && message->n_fields <= WP_LINE_FIELDS_MAX);
    wp_line_begin(&writer, message->type);
    for (size_t i = 0; i < message->n_fields; i++) {
        wp_line_field(&writer, message->fields[i]);
    }
    check(wp_line_end(&writer) == reader->length + 1u);
    check(memcmp(writer.bytes, reader->bytes, reader->length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wp_line_reader reader;
    wp_line_writer framed;
    fuzz_count(size);
    wp_line_reader_init(&reader);
    for (size_t i = 0; i < size; i++) {
        wp_message message;
        if (!wp_line_reader_push(&reader, data[i])) {
            check(reader.length < WP_LINE_MAX);
            continue;
        }
        if (!reader.overflow && wp_line_parse(reader.bytes, reader.length, &message) == WP_OK) {
            check_message(&reader, &message);
        }
        /* The same bytes with the CRC they lack: else few inputs would ever pass it. */
        if (fuzz_frame(&framed, reader.bytes, reader.length) &&
            wp_line_parse(framed.bytes, framed.length - 1u, &message) == WP_OK) {
            wp_line_reader again = reader;
            memcpy(again.bytes, framed.bytes, framed.length - 1u);
            again.length = (uint8_t)(framed.length - 1u);
            check_message(&again, &message);
        }
    }
    return 0;
}
