/* check.h: a small test helper that runs on every board. It prints Unity's result lines through the port; the lines are
 * the verdict, and main returns 0.
 *
 *     static void test_sum(void) { CHECK_EQUAL(1 + 1, 2); }
 *     int main(void) { check_begin(); RUN(test_sum); return check_end(); }
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void check_begin(void);
int check_end(void);

/* The first failure of a test is reported with both values; later ones of the same test are not. */
void check_equal(int64_t got, int64_t want, const char *file, int line);
void check_text(const char *got, const char *want, const char *file, int line);
void check_run(void (*test)(void), const char *name, const char *file, int line);

#define CHECK_EQUAL(got, want) check_equal((int64_t)(got), (int64_t)(want), __FILE__, __LINE__)
#define CHECK_TRUE(condition) check_equal((condition) ? 1 : 0, 1, __FILE__, __LINE__)
#define CHECK_TEXT(got, want) check_text((got), (want), __FILE__, __LINE__)
#define RUN(test) check_run((test), #test, __FILE__, __LINE__)

/* Text of bounded length; what does not fit is left out and fails the comparison that follows. */
typedef struct check_text_buffer {
    char text[4096];
    size_t length;
} check_text_buffer;

void check_clear(check_text_buffer *buffer);
void check_append(check_text_buffer *buffer, const char *text);
void check_append_hex(check_text_buffer *buffer, uint64_t value, size_t n_digits_min);

/* Appends "$body*CRC<LF>". The CRC is computed bit by bit from its definition, not by the code under test. */
void check_append_line(check_text_buffer *buffer, const char *body);

/* zlib's CRC-32, one bit at a time. */
uint32_t check_crc32(const uint8_t *bytes, size_t n);

#endif
