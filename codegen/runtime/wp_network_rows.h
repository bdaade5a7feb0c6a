/* wp_network_rows.h: windows that move along rows: what lies under one is one piece of memory. */
#ifndef WP_NETWORK_ROWS_H
#define WP_NETWORK_ROWS_H

#include <stdint.h>
#include <string.h>

/* Rows [first, first + taps) of n_rows, each of row_bytes; those outside are `outside`.
 *
 *   x      [n_rows][row_bytes]
 *   patch  [taps][row_bytes], where the rows are put when some lie outside
 *   returns where they are */
static inline const int8_t *wp_network_rows(
    const int8_t *x, int first, int taps, int n_rows, int row_bytes, int outside, int8_t *patch)
{
    if (first >= 0 && first + taps <= n_rows) {
        return x + first * row_bytes;
    }
    int8_t *to = patch;
    for (int row = first; row < first + taps; row++, to += row_bytes) {
        if (row >= 0 && row < n_rows) {
            memcpy(to, x + row * row_bytes, (size_t)row_bytes);
        } else {
            memset(to, outside, (size_t)row_bytes);
        }
    }
    return patch;
}

/* Moves all rows of a window one place up; returns where the new last one is to be written.
 *
 *   window  [taps][row_bytes], taps > 1 */
static inline int8_t *wp_network_next_row(int8_t *window, int taps, int row_bytes)
{
    const int kept = (taps - 1) * row_bytes;
    for (int i = 0; i < kept; i++) {
        window[i] = window[i + row_bytes];
    }
    return window + kept;
}

#endif
