/* wp_forest_small: what models of the small style share, a forest's tests and numbers of any width.
 *
 * A test is a feature, a threshold, and the side a missing value goes to; splits that have all three in common share
 * one. A row answers every test first, with a bit: 1 for the right side, where the value is not below the threshold.
 * A split then only looks up its bit.
 *
 * The tests of one feature are a list, in ascending order; a feature with more than 255 has several. A threshold is
 * stored as its distance from the list's first one, less the low bits (`step`) that are 0 in all of them:
 *
 *     distance   | bucket | low bits | step |       `ends` has, for each bucket, how many of the thresholds after the
 *                         |          |              first are in it and those before it; `words` has their low bits,
 *                         |  stored  |              and after a list's own, one bit a test, the sides of missing
 *                                                   values where these differ
 */
#ifndef WP_FOREST_SMALL_H
#define WP_FOREST_SMALL_H

#include <stdint.h>

#include "wp_forest_key.h"

#define WP_FOREST_ALL_LEFT 0u     /* a missing value goes left in all tests of a list */
#define WP_FOREST_ALL_RIGHT 0x20u /* right in all of them */
#define WP_FOREST_DIFFER 0x40u    /* right where the test's bit is 1 */

typedef struct wp_forest_test_list {
    uint16_t feature; /* index into the row */
    uint8_t n;        /* tests, 1 to 255 */
    uint8_t buckets;  /* 0 to 255, 0 where n is 1 */
    uint8_t low;      /* bits, 1 to 31 */
    uint8_t step;     /* bits, 0 to 31, and WP_FOREST_ALL_LEFT ... */
} wp_forest_test_list;

/* Where a list begins: its number of tests, of ends and of bits that are those of the lists before it. */
typedef struct wp_forest_start {
    uint32_t test;
    uint32_t end;
    uint32_t bit;
} wp_forest_start;

typedef struct wp_forest_tests {
    const wp_forest_test_list *lists; /* [n_lists] */
    const int32_t *least;             /* [n_lists] first thresholds */
    const wp_forest_start *starts;    /* [n_lists], only to look tests up */
    const uint8_t *ends;
    const uint32_t *words;
    uint32_t n_lists;
} wp_forest_tests;

/* Worth its bytes wherever it is called, which compilers cannot know. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_FOREST_INLINE static inline __attribute__((always_inline))
#else
#define WP_FOREST_INLINE static inline
#endif

/* 32 bits from bit `at` on; reads the word with that bit and the next. Numbers have their lowest bit first. */
WP_FOREST_INLINE uint32_t wp_forest_word(const uint32_t words[], uint32_t at)
{
    const uint32_t *word = words + (at >> 5);
    return word[0] >> (at & 31u) | word[1] << 1 << (~at & 31u);
}

/* How many bits are 1. */
WP_FOREST_INLINE uint32_t wp_forest_ones(uint32_t bits)
{
    bits -= bits >> 1 & 0x55555555u;
    bits = (bits & 0x33333333u) + (bits >> 2 & 0x33333333u);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0fu;
    return bits * 0x01010101u >> 24;
}

/* Answers all tests of a row.
 *
 *   x      a row, with WP_FOREST_MISSING or NaN for what is missing
 *   right  [tests / 32, rounded up], all 0; test i becomes bit i % 32 of right[i / 32]. No list may differ. */
void wp_forest_answer_int(const wp_forest_tests *tests, const int32_t x[], uint32_t right[]);
void wp_forest_answer_float(const wp_forest_tests *tests, const float x[], uint32_t right[]);

/* The same where lists may differ. */
void wp_forest_answer_int_differ(const wp_forest_tests *tests, const int32_t x[], uint32_t right[]);
void wp_forest_answer_float_differ(const wp_forest_tests *tests, const float x[], uint32_t right[]);

/* The answer, 0 or 1, to one test; for forests with more tests than there is stack for. No list may differ. */
uint32_t wp_forest_look_up_int(const wp_forest_tests *tests, const int32_t x[], uint32_t test);
uint32_t wp_forest_look_up_float(const wp_forest_tests *tests, const float x[], uint32_t test);

#endif
