#include "wp_forest_small.h"

#include <stdbool.h>
#include <stddef.h>

/* A row of either type; the other is NULL. */
typedef struct any_row {
    const int32_t *ints;
    const float *floats;
} any_row;

WP_FOREST_INLINE int32_t value_of(any_row x, bool is_int, uint32_t feature)
{
    return is_int ? x.ints[feature] : wp_forest_key(x.floats[feature]);
}

/* How many thresholds of a list a value has reached that is not below the least of them. The list's low bits begin at
 * bit `at`. */
WP_FOREST_INLINE uint32_t reached(
    const wp_forest_test_list *list, int32_t least, const uint8_t ends[], const uint32_t words[], uint32_t at,
    int32_t value)
{
    const uint32_t distance = ((uint32_t)value - (uint32_t)least) >> (list->step & 31u);
    const uint32_t bucket = distance >> list->low;
    if (bucket >= list->buckets) {
        return list->n;
    }
    const uint32_t low_mask = ~(UINT32_MAX << list->low);
    uint32_t first = bucket > 0u ? ends[bucket - 1u] : 0u;
    uint32_t end = ends[bucket];
    while (first < end) {
        const uint32_t middle = (first + end) / 2u;
        if ((wp_forest_word(words, at + middle * list->low) & low_mask) <= (distance & low_mask)) {
            first = middle + 1u;
        } else {
            end = middle;
        }
    }
    return first + 1u;
}

/* Sets n bits from `test` on; or, if `copy`, to those from bit `at` of words. */
WP_FOREST_INLINE void set(uint32_t right[], uint32_t test, uint32_t n, bool copy, const uint32_t words[], uint32_t at)
{
    while (n > 0u) {
        const uint32_t offset = test & 31u;
        const uint32_t part = n < 32u - offset ? n : 32u - offset;
        const uint32_t bits = copy ? wp_forest_word(words, at) : UINT32_MAX;
        right[test >> 5] |= (bits & UINT32_MAX >> (32u - part)) << offset;
        test += part;
        at += part;
        n -= part;
    }
}

WP_FOREST_INLINE void answer(const wp_forest_tests *tests, bool is_int, bool may_differ, any_row x, uint32_t right[])
{
    const uint32_t *const words = tests->words;
    const wp_forest_test_list *const end = tests->lists + tests->n_lists;
    const int32_t *least = tests->least;
    const uint8_t *ends = tests->ends;
    uint32_t at = 0;
    uint32_t test = 0;
    for (const wp_forest_test_list *list = tests->lists; list != end; list++) {
        const int32_t value = value_of(x, is_int, list->feature);
        const bool missing = value == WP_FOREST_MISSING;
        const bool differ = may_differ && list->step >= WP_FOREST_DIFFER;
        const uint32_t sides = at + (list->n - 1u) * list->low;
        uint32_t n = 0;
        if (missing) {
            n = list->step >= WP_FOREST_ALL_RIGHT ? list->n : 0u;
        } else if (value >= *least) {
            n = reached(list, *least, ends, words, at, value);
        }
        set(right, test, n, differ && missing, words, sides);
        test += list->n;
        ends += list->buckets;
        least++;
        at = sides + (differ ? list->n : 0u);
    }
}

void wp_forest_answer_int(const wp_forest_tests *tests, const int32_t x[], uint32_t right[])
{
    answer(tests, true, false, (any_row){x, NULL}, right);
}

void wp_forest_answer_int_differ(const wp_forest_tests *tests, const int32_t x[], uint32_t right[])
{
    answer(tests, true, true, (any_row){x, NULL}, right);
}

void wp_forest_answer_float(const wp_forest_tests *tests, const float x[], uint32_t right[])
{
    answer(tests, false, false, (any_row){NULL, x}, right);
}

void wp_forest_answer_float_differ(const wp_forest_tests *tests, const float x[], uint32_t right[])
{
    answer(tests, false, true, (any_row){NULL, x}, right);
}

WP_FOREST_INLINE uint32_t look_up(const wp_forest_tests *tests, bool is_int, any_row x, uint32_t test)
{
    uint32_t l = 0; /* the last list that begins at the test or before */
    for (uint32_t end = tests->n_lists; end - l > 1u;) {
        const uint32_t middle = (l + end) / 2u;
        if (tests->starts[middle].test <= test) {
            l = middle;
        } else {
            end = middle;
        }
    }
    const wp_forest_test_list *const list = tests->lists + l;
    const wp_forest_start *const start = tests->starts + l;
    const int32_t value = value_of(x, is_int, list->feature);
    if (value == WP_FOREST_MISSING) {
        return list->step >= WP_FOREST_ALL_RIGHT ? 1u : 0u;
    }
    if (value < tests->least[l]) {
        return 0;
    }
    const uint32_t n = reached(list, tests->least[l], tests->ends + start->end, tests->words, start->bit, value);
    return test - start->test < n ? 1u : 0u;
}

uint32_t wp_forest_look_up_int(const wp_forest_tests *tests, const int32_t x[], uint32_t test)
{
    return look_up(tests, true, (any_row){x, NULL}, test);
}

uint32_t wp_forest_look_up_float(const wp_forest_tests *tests, const float x[], uint32_t test)
{
    return look_up(tests, false, (any_row){NULL, x}, test);
}
