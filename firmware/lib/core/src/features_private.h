/* features_private.h: what features.c and features_read.c both derive from the state. Private to the core. */
#ifndef WP_FEATURES_PRIVATE_H
#define WP_FEATURES_PRIVATE_H

#include "fixed_point.h"
#include "wp/features.h"

/* Places in current_mean_q10 and, but for the last, voltage_mean_q10. */
enum { MEAN_5S, MEAN_60S, MEAN_300S, MEAN_900S };

/* A filter's value in whole units. */
static inline int32_t mean(int32_t y_q10)
{
    const int32_t rounded = (int32_t)((magnitude(y_q10) + 512u) >> 10);
    return y_q10 < 0 ? -rounded : rounded;
}

static inline int32_t mean_current(const wp_features *state, size_t which)
{
    return mean(state->current_mean_q10[which]);
}

static inline int32_t mean_voltage(const wp_features *state, size_t which)
{
    return mean(state->voltage_mean_q10[which]);
}

/* Voltage times current. |v i| <= 1 048 575 x 524 287 < 2^39.1, so the result stays below 2^29.1. */
static inline int32_t power_of(int32_t voltage_mv, int32_t current_ma)
{
    return (int32_t)round_divide_64((int64_t)voltage_mv * current_ma, 1000u);
}

#define END_CURRENT_MIN_MA 50

/* A charge has ended once its 60 s mean stays at or below 5 % of its peak, 50 mA at least. */
static inline int32_t end_current_ma(const wp_features *state)
{
    return larger(END_CURRENT_MIN_MA, state->current_mean_max_ma / 20);
}

#endif
