/* Lines: what is accepted, and that nothing else is. */
#include <string.h>

#include "check.h"
#include "wp/crc32.h"
#include "wp/link.h"

static wp_message message;

static wp_status parse(const char *line)
{
    return wp_line_parse((const uint8_t *)line, strlen(line), &message);
}

/* Parses a body framed with its right CRC. */
static wp_status parse_body(const char *body)
{
    check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, body);
    return wp_line_parse((const uint8_t *)line.text, line.length - 1, &message);
}

static void test_crc_of_the_catalogue(void)
{
    CHECK_EQUAL(wp_crc32(0, (const uint8_t *)"123456789", 9), 0xCBF43926u); /* CRC-32/ISO-HDLC, check value */
    CHECK_EQUAL(wp_crc32(0, (const uint8_t *)"", 0), 0);
}

static void test_crc_equals_the_bitwise_one(void)
{
    uint8_t bytes[256];
    for (uint32_t i = 0; i < 256; i++) {
        bytes[i] = (uint8_t)(i * 167u + 13u);
        const uint32_t whole = wp_crc32(0, bytes, i + 1);
        CHECK_EQUAL(whole, check_crc32(bytes, i + 1));
        CHECK_EQUAL(wp_crc32(wp_crc32(0, bytes, i / 2), bytes + i / 2, i + 1 - i / 2), whole);
    }
}

static void test_known_lines(void)
{
    CHECK_EQUAL(parse("$R,0*8F9178CE"), WP_OK); /* zlib.crc32(b"R,0") */
    CHECK_EQUAL(message.type, 'R');
    CHECK_EQUAL(message.n_fields, 1);
    CHECK_EQUAL(message.fields[0], 0);
    CHECK_EQUAL(parse_body("S,FFFFFFFF,3E8,-1388,-80000000"), WP_OK);
    CHECK_EQUAL(message.type, 'S');
    CHECK_EQUAL(message.n_fields, 4);
    CHECK_EQUAL(message.fields[0], 4294967295);
    CHECK_EQUAL(message.fields[1], 1000);
    CHECK_EQUAL(message.fields[2], -5000);
    CHECK_EQUAL(message.fields[3], INT32_MIN);
    CHECK_EQUAL(parse_body("H"), WP_OK);
    CHECK_EQUAL(message.n_fields, 0);
}

static void test_numbers_have_one_spelling(void)
{
    static const char *const wrong[] = {
        "R,",   "R,00",  "R,01", "R,-0", "R,-01", "R,-",     "R,+1",        "R, 1",        "R,1 ", "R,a",
        "R,G",  "R,0x1", "R,1,", "R,,1", "R1",    "R,1.0",   "R,100000000", "R,-100000000", "R;1",  "R,--1",
        "R,1-", "r,1",   "1,1",  "$,1",  ",1",    "R,*1",    "R,1\r",       "RR,1",         "R,@",  "R,/",
        "R,:",  "R,`",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQUAL(parse_body(wrong[i]), WP_ERROR_FIELD);
    }
    CHECK_EQUAL(parse_body("R,-FFFFFFFF"), WP_OK);
    CHECK_EQUAL(message.fields[0], -4294967295);
    CHECK_EQUAL(parse_body("R,10"), WP_OK);
    CHECK_EQUAL(message.fields[0], 16);
    CHECK_EQUAL(parse_body("R,9ABCDEF0"), WP_OK);
    CHECK_EQUAL(message.fields[0], 0x9ABCDEF0);
}

static void test_eight_fields_and_no_more(void)
{
    CHECK_EQUAL(parse_body("Z,1,2,3,4,5,6,7,8"), WP_OK);
    CHECK_EQUAL(message.n_fields, 8);
    CHECK_EQUAL(message.fields[7], 8);
    CHECK_EQUAL(parse_body("Z,1,2,3,4,5,6,7,8,9"), WP_ERROR_FIELD);
}

static void test_frame(void)
{
    CHECK_EQUAL(parse(""), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$*00000000"), WP_ERROR_CRC); /* right CRC of nothing, but no type */
    CHECK_EQUAL(parse("R,0*8F9178CE"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("#R,0*8F9178CE"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0*8f9178ce"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0*8F9178C"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0*8F9178CE "), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0*8F9178CE\r"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0+8F9178CE"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,0*8F9178CF"), WP_ERROR_CRC);
    CHECK_EQUAL(parse("$R,1*8F9178CE"), WP_ERROR_CRC);
}

static void test_every_truncation_is_rejected(void)
{
    check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, "S,12AB,3E8,1388,-7D0");
    const uint8_t *bytes = (const uint8_t *)line.text;
    const size_t length = line.length - 1;
    CHECK_EQUAL(wp_line_parse(bytes, length, &message), WP_OK);
    for (size_t n = 0; n < length; n++) { /* from the front, and from the back */
        CHECK_EQUAL(wp_line_parse(bytes, n, &message), WP_ERROR_CRC);
        CHECK_EQUAL(wp_line_parse(bytes + length - n, n, &message), WP_ERROR_CRC);
    }
}

static void test_every_changed_byte_is_rejected(void)
{
    check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, "S,12AB,3E8,1388,-7D0");
    for (size_t at = 0; at < line.length - 1; at++) {
        for (uint32_t change = 1; change < 256; change++) {
            const char kept = line.text[at];
            line.text[at] = (char)(uint8_t)((uint8_t)kept ^ change);
            CHECK_EQUAL(wp_line_parse((const uint8_t *)line.text, line.length - 1, &message), WP_ERROR_CRC);
            line.text[at] = kept;
        }
    }
}

static void test_length_limit(void)
{
    static const char longest[] = "Z,11111111,22222222,33333333,44444444,55555555,666666"; /* 53 bytes, and 11 of frame */
    check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, longest);
    CHECK_EQUAL(line.length, WP_LINE_MAX + 1);
    CHECK_EQUAL(wp_line_parse((const uint8_t *)line.text, line.length - 1, &message), WP_ERROR_LENGTH);
    check_clear(&line);
    check_append_line(&line, "Z,11111111,22222222,33333333,44444444,55555555,66666");
    CHECK_EQUAL(line.length, WP_LINE_MAX);
    CHECK_EQUAL(wp_line_parse((const uint8_t *)line.text, line.length - 1, &message), WP_OK);
}

static bool push_text(wp_line_reader *reader, const char *text)
{
    bool complete = false;
    for (size_t i = 0; text[i] != '\0'; i++) {
        complete = wp_line_reader_push(reader, (uint8_t)text[i]);
    }
    return complete;
}

static void test_reader(void)
{
    wp_line_reader reader;
    wp_line_reader_init(&reader);
    CHECK_TRUE(!push_text(&reader, "$R,0"));
    CHECK_TRUE(push_text(&reader, "*\n"));
    CHECK_EQUAL(reader.length, 5);
    CHECK_EQUAL(memcmp(reader.bytes, "$R,0*", 5), 0);
    CHECK_TRUE(push_text(&reader, "\n"));
    CHECK_EQUAL(reader.length, 0);
    CHECK_TRUE(!wp_line_is_message(reader.bytes, reader.length));
    CHECK_TRUE(push_text(&reader, "log\n"));
    CHECK_EQUAL(reader.length, 3);
    CHECK_TRUE(!wp_line_is_message(reader.bytes, reader.length));
    CHECK_TRUE(push_text(&reader, "$\n"));
    CHECK_TRUE(wp_line_is_message(reader.bytes, reader.length));
}

static void test_reader_drops_what_is_too_long(void)
{
    wp_line_reader reader;
    wp_line_reader_init(&reader);
    for (uint32_t n = 0; n < 200; n++) {
        for (uint32_t i = 0; i < n; i++) {
            CHECK_TRUE(!wp_line_reader_push(&reader, (uint8_t)('A' + i % 26u)));
        }
        CHECK_TRUE(wp_line_reader_push(&reader, '\n'));
        CHECK_EQUAL(reader.overflow, n > WP_LINE_MAX - 1);
        CHECK_EQUAL(reader.length, n > WP_LINE_MAX - 1 ? WP_LINE_MAX - 1 : n);
    }
}

static const char *write_number(int64_t value)
{
    static char text[WP_LINE_MAX + 1];
    wp_line_writer writer;
    wp_line_begin(&writer, 'R');
    wp_line_field(&writer, value);
    const size_t n = wp_line_end(&writer);
    memcpy(text, writer.bytes, n);
    text[n] = '\0';
    if (n > 0) { /* only the body is of interest here */
        text[n - 10] = '\0';
    }
    return text;
}

static void test_writer(void)
{
    CHECK_TEXT(write_number(0), "$R,0");
    CHECK_TEXT(write_number(15), "$R,F");
    CHECK_TEXT(write_number(16), "$R,10");
    CHECK_TEXT(write_number(-1), "$R,-1");
    CHECK_TEXT(write_number(4294967295), "$R,FFFFFFFF");
    CHECK_TEXT(write_number(-4294967295), "$R,-FFFFFFFF");
    CHECK_TEXT(write_number(268435455), "$R,FFFFFFF");
    CHECK_TEXT(write_number(4294967296), "");
    CHECK_TEXT(write_number(-4294967296), "");
    CHECK_TEXT(write_number(INT64_MIN), "");
    CHECK_TEXT(write_number(INT64_MAX), "");
}

static void test_writer_frames(void)
{
    check_text_buffer want;
    wp_line_writer writer;
    wp_line_begin(&writer, 'H');
    wp_line_field_fixed(&writer, 0x123, 8);
    wp_line_field_fixed(&writer, 0xF, 1);
    const size_t n = wp_line_end(&writer);
    check_clear(&want);
    check_append_line(&want, "H,00000123,F");
    CHECK_EQUAL(n, want.length);
    CHECK_EQUAL(memcmp(writer.bytes, want.text, n), 0);
}

static void test_writer_refuses_what_does_not_fit(void)
{
    wp_line_writer writer;
    wp_line_begin(&writer, 'H');
    wp_line_field_fixed(&writer, 0x10, 1);
    CHECK_EQUAL(wp_line_end(&writer), 0);
    wp_line_begin(&writer, 'H');
    wp_line_field_fixed(&writer, 0, 9);
    CHECK_EQUAL(wp_line_end(&writer), 0);
    wp_line_begin(&writer, 'H');
    wp_line_field_fixed(&writer, 0, 0);
    CHECK_EQUAL(wp_line_end(&writer), 0);
    for (uint32_t n_fields = 0; n_fields < 40; n_fields++) { /* "$Z", n times ",F", '*', CRC, LF */
        wp_line_begin(&writer, 'Z');
        for (uint32_t i = 0; i < n_fields; i++) {
            wp_line_field(&writer, 15);
        }
        const size_t length = 2u + 2u * n_fields + 10u;
        CHECK_EQUAL(wp_line_end(&writer), length <= WP_LINE_MAX ? length : 0);
        CHECK_TRUE(writer.length <= WP_LINE_MAX);
    }
}

int main(void)
{
    check_begin();
    RUN(test_crc_of_the_catalogue);
    RUN(test_crc_equals_the_bitwise_one);
    RUN(test_known_lines);
    RUN(test_numbers_have_one_spelling);
    RUN(test_eight_fields_and_no_more);
    RUN(test_frame);
    RUN(test_every_truncation_is_rejected);
    RUN(test_every_changed_byte_is_rejected);
    RUN(test_length_limit);
    RUN(test_reader);
    RUN(test_reader_drops_what_is_too_long);
    RUN(test_writer);
    RUN(test_writer_frames);
    RUN(test_writer_refuses_what_does_not_fit);
    return check_end();
}
