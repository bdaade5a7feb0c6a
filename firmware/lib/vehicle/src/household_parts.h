/* household_parts.h: what household.c, household_cost.c and household_left.c share; no part of the interface. */
#ifndef WP_HOUSEHOLD_PARTS_H
#define WP_HOUSEHOLD_PARTS_H

#include "wp/household.h"

/* How long a charge has to go with one car. */
typedef struct wp_household_left {
    int32_t done_s[3];
    int32_t target_s[3]; /* -1: not known */
    int32_t done_wh;     /* at 50 % */
    uint16_t chance;     /* that such a car has taken this much, or takes this power: relative to others, 1 ... 16384 */
    uint8_t stage;
} wp_household_left;

/* How unlike car k (below n_cars) this charge is so far: a sum of squared sixteenths, below 2^20. */
uint32_t wp_household_cost(const wp_household *state, const wp_household_model *model, uint32_t k,
                           const int32_t x[WP_N_VEHICLE_FEATURES]);

/* Whether a plateau and its limit both hold, before any taper. */
bool wp_household_held(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES]);

/* Whether the staircase of a taper has begun and the current lies below what limit and car allow: a step that a limit
 * caused between two readings is none. */
bool wp_household_tapering(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES]);

/* z of the latest plateau in AC, or of the power in DC, against a car: sixteenths, at most 80; 0 where there is none to
 * judge. */
uint16_t wp_household_strain(const wp_household *state, const wp_household_car *car,
                             const int32_t x[WP_N_VEHICLE_FEATURES]);

/* Charging energy and time left with this car, its interval factors applied. */
void wp_household_left_with(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                            const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left);

/* Power in DC at a state of charge in thousandths of a per cent, 0 ... 100 000; straight between the table's, in steps
 * of eight thousandths. 300 ... 1 000 000. */
int32_t wp_household_curve_w(const wp_household_car *car, int32_t soc_milli);

/* A feature within +-WP_FEATURE_MAX, or WP_MISSING. */
static inline int32_t wp_household_feature(const int32_t x[WP_N_VEHICLE_FEATURES], uint32_t index)
{
    const int32_t value = x[index];
    if (value == WP_MISSING) {
        return WP_MISSING;
    }
    return value > WP_FEATURE_MAX ? WP_FEATURE_MAX : value < -WP_FEATURE_MAX ? -WP_FEATURE_MAX : value;
}

/* Within `least` and `most`. */
static inline int32_t wp_household_within(int32_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* A state of charge of the state's, whatever it is: 0 ... 100, and 0 where it is WP_MISSING. It bounds what hangs on it. */
static inline int32_t wp_household_pct(int32_t pct)
{
    return wp_household_within(pct, 0, 100);
}

/* From one time to another, modulo 2^32. */
static inline int32_t wp_household_since(int32_t now_s, int32_t then_s)
{
    return (int32_t)((uint32_t)now_s - (uint32_t)then_s);
}

/* A feature, or a value where it is missing. */
static inline int32_t wp_household_known(const int32_t x[WP_N_VEHICLE_FEATURES], uint32_t index, int32_t otherwise)
{
    const int32_t value = wp_household_feature(x, index);
    return value == WP_MISSING ? otherwise : value;
}

#endif
