/* wp_forest_key: a float feature as an integer that orders as it does, so that no code of floating point is needed.
 *
 * A key is the magnitude's bits with the value's sign: -0 and 0 have one key, infinities lie beyond all numbers. */
#ifndef WP_FOREST_KEY_H
#define WP_FOREST_KEY_H

#include <stdint.h>
#include <string.h>

#define WP_FOREST_MISSING INT32_MIN /* key of NaN; below all others */

_Static_assert(sizeof(float) == sizeof(uint32_t), "float32 of IEEE 754");

static inline int32_t wp_forest_key(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const int32_t magnitude = (int32_t)(bits & 0x7fffffffu);
    if (magnitude > 0x7f800000) {
        return WP_FOREST_MISSING;
    }
    return bits >> 31 != 0u ? -magnitude : magnitude;
}

#endif
