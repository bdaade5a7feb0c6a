#include "wp/float32.h"

#define MANTISSA_BITS 23
#define MANTISSA_MASK 0x7FFFFFu
#define EXPONENT_MASK 0xFFu
#define HIDDEN_BIT 0x800000u
#define EXPONENT_OF_UNITS 150 /* biased exponent at which the mantissa counts ones: 127 + 23 */

bool wp_float32_scaled(uint32_t bits, uint32_t scale, int32_t *value)
{
    const uint32_t exponent = bits >> MANTISSA_BITS & EXPONENT_MASK;
    const uint32_t fraction = bits & MANTISSA_MASK;
    if (exponent == EXPONENT_MASK) {
        return false;
    }
    /* A denormal has the exponent of the least normal, and no hidden bit. */
    const uint32_t mantissa = exponent == 0 ? fraction : fraction | HIDDEN_BIT;
    const int32_t shift = (int32_t)(exponent == 0 ? 1u : exponent) - EXPONENT_OF_UNITS;
    uint64_t magnitude = (uint64_t)mantissa * scale; /* below 2^24 x 2^20 */
    if (shift > 31) {
        magnitude = magnitude == 0 ? 0 : UINT64_MAX; /* 2^23 x 2^32 and more */
    } else if (shift >= 0) {
        magnitude = magnitude > (uint64_t)INT32_MAX ? UINT64_MAX : magnitude << shift; /* below 2^31 x 2^31 */
    } else if (shift >= -62) {
        magnitude = (magnitude + ((uint64_t)1 << (-shift - 1))) >> -shift;
    } else {
        magnitude = 0; /* below 2^44 / 2^63 */
    }
    if (magnitude > (uint64_t)INT32_MAX) {
        return false;
    }
    *value = (bits >> 31) != 0 ? -(int32_t)magnitude : (int32_t)magnitude;
    return true;
}
