#include "check.h"

#include <string.h>

#include "port.h"

static uint32_t n_tests;
static uint32_t n_failures;
static const char *test_name;
static bool failed;

static void print(const char *text)
{
    port_write((const uint8_t *)text, strlen(text));
}

static void print_number(int64_t value)
{
    char digits[24];
    size_t at = sizeof digits - 1;
    uint64_t rest = value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
    digits[at] = '\0';
    do { /* at most 20 digits */
        at--;
        digits[at] = (char)('0' + (char)(rest % 10u));
        rest /= 10u;
    } while (rest > 0);
    print(value < 0 ? "-" : "");
    print(digits + at);
}

static void print_place(const char *name, const char *file, int line)
{
    print(file);
    print(":");
    print_number(line);
    print(":");
    print(name);
    print(":");
}

void check_begin(void)
{
    (void)port_init(0, NULL);
}

int check_end(void)
{
    print_number(n_tests);
    print(" Tests ");
    print_number(n_failures);
    print(" Failures 0 Ignored\n");
    return 0;
}

void check_equal(int64_t got, int64_t want, const char *file, int line)
{
    if (got == want || failed) {
        return;
    }
    failed = true;
    print_place(test_name, file, line);
    print("FAIL: expected ");
    print_number(want);
    print(" got ");
    print_number(got);
    print("\n");
}

/* One line of output: line ends are shown as spaces. */
static void print_flat(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char one[2] = {text[i] == '\n' ? ' ' : text[i], '\0'};
        print(one);
    }
}

void check_text(const char *got, const char *want, const char *file, int line)
{
    if (failed || strcmp(got, want) == 0) {
        return;
    }
    failed = true;
    print_place(test_name, file, line);
    print("FAIL: expected ");
    print_flat(want);
    print("got ");
    print_flat(got);
    print("\n");
}

void check_run(void (*test)(void), const char *name, const char *file, int line)
{
    failed = false;
    test_name = name;
    n_tests++;
    test();
    if (failed) {
        n_failures++;
        return;
    }
    print_place(name, file, line);
    print("PASS\n");
}

void check_clear(check_text_buffer *buffer)
{
    buffer->length = 0;
    buffer->text[0] = '\0';
}

void check_append(check_text_buffer *buffer, const char *text)
{
    const size_t n = strlen(text);
    if (n < sizeof buffer->text - buffer->length) {
        memcpy(buffer->text + buffer->length, text, n + 1);
        buffer->length += n;
    }
}

void check_append_hex(check_text_buffer *buffer, uint64_t value, size_t n_digits_min)
{
    size_t n = n_digits_min > 0 ? n_digits_min : 1;
    while (n < 16 && (value >> (4 * n)) != 0) {
        n++;
    }
    for (size_t left = n; left > 0; left--) {
        const char one[2] = {"0123456789ABCDEF"[(value >> (4 * (left - 1))) & 15u], '\0'};
        check_append(buffer, one);
    }
}

uint32_t check_crc32(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? (crc >> 1) ^ 0xEDB88320u : crc >> 1;
        }
    }
    return ~crc;
}

void check_append_line(check_text_buffer *buffer, const char *body)
{
    check_append(buffer, "$");
    check_append(buffer, body);
    check_append(buffer, "*");
    check_append_hex(buffer, check_crc32((const uint8_t *)body, strlen(body)), 8);
    check_append(buffer, "\n");
}
