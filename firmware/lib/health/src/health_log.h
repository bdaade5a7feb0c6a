/* health_log.h: what the parts of wp/health.h share: a logarithm and an exponential, by tables of 65 entries and straight
 * lines between, and what rooms are answered in. */
#ifndef WP_HEALTH_LOG_H
#define WP_HEALTH_LOG_H

#include "wp/types.h"

/* Natural logarithm x 2^24 of a number above 0; at most 3.1e-5 below the true one. */
int32_t wp_health_ln_q24(uint64_t value);

/* 1000 x exp(log / 2^28) to nearest, for -5 ... 1; beyond, the nearer of these. The relative error is at most 1.5e-5
 * before it is rounded. */
int32_t wp_health_permille(int64_t log_q28);

/* Whole square root, down. */
uint32_t wp_health_root(uint64_t value);

static inline int64_t wp_health_limited(int64_t value, int64_t lowest, int64_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

/* 10 ... 35 degrees Celsius, or not known: a cold battery takes its charge as an old one does. */
static inline bool wp_health_is_mild(int32_t ambient_decidegc)
{
    return ambient_decidegc == WP_MISSING || (ambient_decidegc >= 100 && ambient_decidegc <= 350);
}

#endif
