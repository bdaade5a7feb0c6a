/* wp_network_lookup.h: a table of answers, element by element. */
#ifndef WP_NETWORK_LOOKUP_H
#define WP_NETWORK_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

/*   table  [256], by x as uint8_t: 0 to 127, then -128 to -1
 *   y      [n] may be x */
static void wp_network_lookup(const int8_t *table, size_t n, const int8_t *x, int8_t *y)
{
    for (size_t i = 0; i < n; i++) {
        y[i] = table[(uint8_t)x[i]];
    }
}

#endif
