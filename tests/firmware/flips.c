/* Reads one line and damages it in every way that matters: all flips of one, two and three bits, and bursts of up to
 * 32 bits with random patterns at every place. Prints how many messages the intact line holds (1), how many damaged
 * ones were tried, and how many of them the board's reader and parser accepted.
 */
#include <stdio.h>
#include <string.h>

#include "wp/link.h"

enum { BURSTS_A_PLACE = 2000 };

static uint8_t line[WP_LINE_MAX];
static size_t n_bits;
static uint64_t n_tried;
static uint64_t n_accepted;

/* How many messages arrive. An LF more: a flip may have taken the line's own. */
static uint32_t messages(void)
{
    wp_line_reader reader;
    wp_message message;
    uint32_t n = 0;
    wp_line_reader_init(&reader);
    for (size_t i = 0; i <= n_bits / 8; i++) {
        const uint8_t byte = i < n_bits / 8 ? line[i] : (uint8_t)'\n';
        if (wp_line_reader_push(&reader, byte) && !reader.overflow &&
            wp_line_parse(reader.bytes, reader.length, &message) == WP_OK) {
            n++;
        }
    }
    return n;
}

static void flip(size_t bit)
{
    line[bit / 8] = (uint8_t)(line[bit / 8] ^ (1u << (bit % 8)));
}

static void attempt(void)
{
    n_tried++;
    n_accepted += messages();
}

static void flip_up_to_three(void)
{
    for (size_t a = 0; a < n_bits; a++) {
        flip(a);
        attempt();
        for (size_t b = a + 1; b < n_bits; b++) {
            flip(b);
            attempt();
            for (size_t c = b + 1; c < n_bits; c++) {
                flip(c);
                attempt();
                flip(c);
            }
            flip(b);
        }
        flip(a);
    }
}

static void flip_pattern(size_t first, uint32_t pattern)
{
    for (size_t i = 0; i < 32 && first + i < n_bits; i++) {
        if ((pattern >> i & 1u) != 0) {
            flip(first + i);
        }
    }
}

static void flip_bursts(void)
{
    uint32_t random = 1;
    for (size_t first = 0; first < n_bits; first++) {
        for (uint32_t i = 0; i < BURSTS_A_PLACE; i++) {
            random ^= random << 13; /* Marsaglia's xorshift32 */
            random ^= random >> 17;
            random ^= random << 5;
            flip_pattern(first, random | 1u);
            attempt();
            flip_pattern(first, random | 1u);
        }
    }
}

int main(void)
{
    n_bits = 8 * fread(line, 1, sizeof line, stdin);
    const uint32_t n_intact = messages();
    flip_up_to_three();
    flip_bursts();
    return printf("%u %llu %llu\n", n_intact, (unsigned long long)n_tried, (unsigned long long)n_accepted) < 0;
}
