/* wp_forest_float: float32 addition on integers, for processors without a float unit.
 *
 * Rounds to nearest, ties to even, with subnormal numbers and both zeros, as IEEE 754 has it. */
#ifndef WP_FOREST_FLOAT_H
#define WP_FOREST_FLOAT_H

#include <stdbool.h>
#include <stdint.h>

_Static_assert(-3 >> 1 == -2, "negative numbers must be shifted right as all known compilers do, rounding down");

/* mantissa * 2**(exponent - 150). 0 has exponent 1, -0 exponent 0, infinity exponent 255. */
typedef struct wp_forest_float {
    int32_t mantissa; /* magnitude at most 2**24; at least 2**23 where the exponent is above 1 */
    int32_t exponent;
} wp_forest_float;

/* From the bits of a float that is not NaN, and back. */
static inline wp_forest_float wp_forest_float_unpack(uint32_t bits)
{
    const int32_t exponent = (int32_t)(bits >> 23 & 0xffu);
    const int32_t magnitude = (int32_t)(bits & 0x7fffffu) | (exponent != 0 ? 0x800000 : 0);
    const wp_forest_float number = {
        bits >> 31 != 0u ? -magnitude : magnitude,
        exponent != 0 || bits == 0x80000000u ? exponent : 1,
    };
    return number;
}

static inline uint32_t wp_forest_float_pack(wp_forest_float number)
{
    const bool negative = number.mantissa < 0 || number.exponent == 0;
    uint32_t bits = number.mantissa < 0 ? 0u - (uint32_t)number.mantissa : (uint32_t)number.mantissa;
    if (number.exponent == 255) {
        bits = 0x7f800000u;
    } else if (number.exponent > 1) {
        bits += ((uint32_t)number.exponent - 1u) << 23; /* the mantissa's highest bit adds the 1 */
    }
    return negative ? 0x80000000u | bits : bits;
}

/* a + b, of which b is finite. An infinite `a` stays as it is. */
static inline wp_forest_float wp_forest_float_add(wp_forest_float a, wp_forest_float b)
{
    if (a.exponent == 255) {
        return a;
    }
    if (a.exponent < b.exponent) {
        const wp_forest_float larger = b;
        b = a;
        a = larger;
    }
    /* Six bits below a's last one are enough: if more than one leading bit cancels, b was shifted by one at most. What
     * falls off below makes the lowest of them 1, which is all that rounding asks of it. No overflow: a sum's mantissa
     * reaches 2**24, a leaf's does not. */
    const int32_t apart = a.exponent - b.exponent < 31 ? a.exponent - b.exponent : 31;
    const int32_t shifted = b.mantissa * 64 >> apart;
    const bool lost = (uint32_t)shifted << apart != (uint32_t)b.mantissa * 64u;
    const int32_t sum = a.mantissa * 64 + (shifted | (lost ? 1 : 0));
    if (sum == 0) {
        const wp_forest_float zero = {0, a.exponent == 0 ? 0 : 1};
        return zero;
    }
    uint32_t magnitude = sum < 0 ? 0u - (uint32_t)sum : (uint32_t)sum;
    while (magnitude < 1u << 29 && a.exponent > 1) { /* at most 30 times */
        magnitude <<= 1;
        a.exponent--;
    }
    if (magnitude >> 30 != 0u) {
        magnitude = magnitude >> 1 | (magnitude & 1u);
        a.exponent++;
    }
    magnitude = (magnitude + 31u + (magnitude >> 6 & 1u)) >> 6;
    if (magnitude >> 24 != 0u) {
        magnitude >>= 1;
        a.exponent++;
    }
    a.mantissa = sum < 0 ? -(int32_t)magnitude : (int32_t)magnitude;
    return a;
}

#endif
