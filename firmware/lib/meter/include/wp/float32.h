/* wp/float32.h: a float as a meter sends it, IEEE 754's binary32, as an integer of a smaller unit; without a float.
 */
#ifndef WP_FLOAT32_H
#define WP_FLOAT32_H

#include "wp/types.h"

/* The largest scale: 2^24 of a mantissa times this stays far below 64 bits. */
#define WP_FLOAT32_SCALE_MAX 1000000u

/* The nearest integer to float x scale, halves away from zero: 230.0625 V with scale 1000 are 230063 mV. The product is
 * exact, and rounded once.
 *
 *   bits   sign, 8 bits of exponent, 23 of mantissa; registers' first byte highest
 *   scale  1 ... WP_FLOAT32_SCALE_MAX
 *   value  written when the function returns true
 *
 * Returns false for what is no number, for infinities, and where the result is not within +-(2^31 - 1). */
bool wp_float32_scaled(uint32_t bits, uint32_t scale, int32_t *value) WP_MUST_CHECK;

#endif
