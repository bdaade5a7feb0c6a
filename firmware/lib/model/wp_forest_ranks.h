/* wp_forest_ranks: features become ranks, how many of a list of thresholds each reaches, before any tree is walked.
 *
 * A split at threshold number p of its list sends a value left when it is below that threshold: when rank <= p. A list
 * has at most 255 thresholds of one feature, ascending, so that a rank is a byte; a feature with more has several
 * lists. A missing value has rank 0 for splits that send it left, and 255 for those that send it right; a list with
 * splits of both kinds gives two ranks. */
#ifndef WP_FOREST_RANKS_H
#define WP_FOREST_RANKS_H

#include <stdint.h>

#include "wp_forest_key.h"

/* What a model says before it includes this file, to store less a list:
 *
 *   WP_FOREST_COLUMN  type of an index into the row
 *   WP_FOREST_SIDES   what `sides` is in all lists; lists then do not hold it */
#ifndef WP_FOREST_COLUMN
#define WP_FOREST_COLUMN uint16_t
#endif

#define WP_FOREST_LEFT 1u  /* some split of the list sends a missing value left */
#define WP_FOREST_RIGHT 2u /* some split sends it right */

/* One list. Its thresholds begin where those of the list before end. */
typedef struct wp_forest_list {
    WP_FOREST_COLUMN feature; /* index into the row */
    uint8_t n;                /* thresholds, 1 to 255 */
#ifndef WP_FOREST_SIDES
    uint8_t sides; /* WP_FOREST_LEFT, WP_FOREST_RIGHT or both */
#endif
} wp_forest_list;

/* How many of n ascending thresholds are <= value; once for each width they are stored in. */
static inline uint32_t wp_forest_reached16(const int16_t threshold[], uint32_t n, int32_t value)
{
    uint32_t low = 0;
    while (low < n) {
        const uint32_t middle = (low + n) / 2u;
        if (threshold[middle] <= value) {
            low = middle + 1u;
        } else {
            n = middle;
        }
    }
    return low;
}

static inline uint32_t wp_forest_reached32(const int32_t threshold[], uint32_t n, int32_t value)
{
    uint32_t low = 0;
    while (low < n) {
        const uint32_t middle = (low + n) / 2u;
        if (threshold[middle] <= value) {
            low = middle + 1u;
        } else {
            n = middle;
        }
    }
    return low;
}

/* Writes the ranks of one list: a missing value, below all thresholds, has reached none. Returns the next place. */
static inline uint8_t *wp_forest_put(uint8_t *rank, const wp_forest_list *list, uint32_t reached, int32_t value)
{
#ifdef WP_FOREST_SIDES
    const uint32_t sides = WP_FOREST_SIDES;
    (void)list;
#else
    const uint32_t sides = list->sides;
#endif
    if ((sides & WP_FOREST_LEFT) != 0u) {
        *rank++ = (uint8_t)reached;
    }
    if ((sides & WP_FOREST_RIGHT) != 0u) {
        *rank++ = (uint8_t)(value == WP_FOREST_MISSING ? 255u : reached);
    }
    return rank;
}

/* The ranks of n lists, in their order, for integer features and thresholds of either width, or for float features.
 * Returns the place after the last rank. */
static inline uint8_t *wp_forest_rank16(
    const wp_forest_list list[], uint32_t n, const int16_t threshold[], const int32_t x[], uint8_t *rank)
{
    for (const wp_forest_list *end = list + n; list != end; list++) {
        const int32_t value = x[list->feature];
        rank = wp_forest_put(rank, list, wp_forest_reached16(threshold, list->n, value), value);
        threshold += list->n;
    }
    return rank;
}

static inline uint8_t *wp_forest_rank32(
    const wp_forest_list list[], uint32_t n, const int32_t threshold[], const int32_t x[], uint8_t *rank)
{
    for (const wp_forest_list *end = list + n; list != end; list++) {
        const int32_t value = x[list->feature];
        rank = wp_forest_put(rank, list, wp_forest_reached32(threshold, list->n, value), value);
        threshold += list->n;
    }
    return rank;
}

static inline uint8_t *wp_forest_rank_float(
    const wp_forest_list list[], uint32_t n, const int32_t key[], const float x[], uint8_t *rank)
{
    for (const wp_forest_list *end = list + n; list != end; list++) {
        const int32_t value = wp_forest_key(x[list->feature]);
        rank = wp_forest_put(rank, list, wp_forest_reached32(key, list->n, value), value);
        key += list->n;
    }
    return rank;
}

#endif
