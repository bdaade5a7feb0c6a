#include "household_parts.h"

#define Z_MAX 80u       /* five standard deviations, in sixteenths */
#define APART_MAX 65535u
#define DRAWING_MA 1000
#define LEAST_SCALE_MA 10000 /* what is off by some mA is no larger part of less */
#define HIGH_PILOT_MA 16000
#define HOLD_S 30       /* a limit must have stood that long before a plateau is held against it */
#define DC_SETTLED_S 60 /* of drawing, before voltage and power in DC are looked at */
#define LEAST_PILOT_MA 6000
#define TAPER_PERMILLE 940 /* of what limit and largest current allow: below, it is a taper that a limit hid */
#define STEP_PERMILLE 970  /* the least step of a taper lies below */
#define GAIN_MIN_PCT 5 /* whole per cents are too coarse before */
#define GAIN_FULL_PCT 20 /* and after it as good as they get */
#define MOST_PILOT_MA 80000
#define POWER_MIN_W 300 /* of a curve */
#define POWER_MAX_W 1000000
#define APART_MOST 200000 /* mA or W: ten thousand times it fits 32 bits */

/* A deviation in sixteenths of a standard deviation: 65535 x 65535 fits 32 bits. */
static uint32_t z_of(int64_t apart, uint16_t weight)
{
    const uint64_t size = (uint64_t)(apart < 0 ? -apart : apart);
    const uint32_t limited = size > APART_MAX ? APART_MAX : (uint32_t)size;
    const uint32_t z = (limited * weight) >> 12;
    return z > Z_MAX ? Z_MAX : z;
}

static bool settled(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t now_s = wp_household_known(x, WP_VEHICLE_ELAPSED_S, 0);
    return state->drawing_s != WP_MISSING && wp_household_since(now_s, state->drawing_s) >= DC_SETTLED_S;
}

int32_t wp_household_curve_w(const wp_household_car *car, int32_t soc_milli)
{
    if (soc_milli >= 100000) {
        return car->curve_w[WP_HOUSEHOLD_N_CURVE - 1];
    }
    const uint32_t at = soc_milli < 0 ? 0u : (uint32_t)soc_milli;
    const int32_t part = (int32_t)(at % 5000u / 8u); /* below 625: 10^6 times it fits 32 bits */
    const int32_t from_w = car->curve_w[at / 5000u];
    const int32_t rise_w = car->curve_w[at / 5000u + 1u] - from_w;
    return wp_household_within(from_w + rise_w * part / 625, POWER_MIN_W, POWER_MAX_W); /* it is: for the proof */
}

bool wp_household_held(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t now_s = wp_household_known(x, WP_VEHICLE_ELAPSED_S, 0);
    return wp_household_feature(x, WP_VEHICLE_PLATEAU_DWELL_S) != WP_MISSING && state->pilot_ma >= LEAST_PILOT_MA &&
           wp_household_since(now_s, state->pilot_s) >= HOLD_S && wp_household_known(x, WP_VEHICLE_TAPER_STEP_COUNT, 0) <= 0 &&
           wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0) >= DRAWING_MA;
}

/* Thousandths of what the limit and the largest current so far allow. */
static bool below(const wp_household *state, int32_t current_ma, int32_t permille)
{
    const int32_t pilot_ma = state->pilot_ma > MOST_PILOT_MA ? MOST_PILOT_MA : state->pilot_ma;
    const int32_t reached_ma = state->pilot_ma != WP_MISSING && pilot_ma < state->most_ma ? pilot_ma : state->most_ma;
    return current_ma < reached_ma / 1000 * permille;
}

bool wp_household_tapering(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t current_ma = wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0);
    return !state->direct && current_ma >= DRAWING_MA && wp_household_known(x, WP_VEHICLE_TAPER_STEP_COUNT, 0) > 0 &&
           (state->most_ma == 0 || below(state, current_ma, STEP_PERMILLE));
}

/* Of the limit, what a car draws: straight between 6 and 16 A, the same above. */
static int32_t share_permille(const wp_household_car *car, int32_t pilot_ma)
{
    const int32_t at_ma = wp_household_within(pilot_ma, LEAST_PILOT_MA, HIGH_PILOT_MA);
    const int32_t rise = (int32_t)car->low_limit_permille - car->limit_permille;
    return car->limit_permille + rise * (HIGH_PILOT_MA - at_ma) / (HIGH_PILOT_MA - LEAST_PILOT_MA);
}

/* A current above what limit and charger allow, or below it, in ten thousandths. */
static uint16_t plateau_strain(const wp_household *state, const wp_household_car *car,
                               const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t current_ma = wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0);
    const int32_t pilot_ma = wp_household_within(state->pilot_ma, LEAST_PILOT_MA, MOST_PILOT_MA);
    if (!wp_household_held(state, x) || below(state, current_ma, TAPER_PERMILLE)) {
        return 0u;
    }
    const int32_t allowed_ma = pilot_ma * share_permille(car, pilot_ma) / 1000;
    const int32_t most_ma = allowed_ma < car->ceiling_ma ? allowed_ma : car->ceiling_ma;
    const int32_t apart_ma = wp_household_within(current_ma - most_ma, -APART_MOST, APART_MOST);
    return (uint16_t)z_of(apart_ma * 10000 / (most_ma < LEAST_SCALE_MA ? LEAST_SCALE_MA : most_ma), car->plateau_weight);
}

/* Power above what the car takes at this state of charge; below it says nothing: cold, or a shared cabinet. */
static uint16_t power_strain(const wp_household *state, const wp_household_car *car,
                             const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t power_w = wp_household_feature(x, WP_VEHICLE_POWER_W);
    if (state->soc_pct == WP_MISSING || power_w == WP_MISSING || !settled(state, x)) {
        return 0u;
    }
    const int32_t curve_w = wp_household_curve_w(car, wp_household_pct(state->soc_pct) * 1000);
    const int32_t above_w = wp_household_within(power_w - curve_w, 0, APART_MOST);
    return (uint16_t)z_of(above_w * 10000 / curve_w, car->power_weight);
}

uint16_t wp_household_strain(const wp_household *state, const wp_household_car *car,
                             const int32_t x[WP_N_VEHICLE_FEATURES])
{
    return state->direct ? power_strain(state, car, x) : plateau_strain(state, car, x);
}

/* The sign's value, less what lies in the car's line of voltage; WP_MISSING where it does not apply. */
static int32_t sign_of(const wp_household *state, const wp_household_car *car, uint32_t sign,
                       const int32_t x[WP_N_VEHICLE_FEATURES])
{
    static const uint8_t feature[WP_N_SIGNS] = {
        WP_VEHICLE_RISE_MA_PER_S,      WP_VEHICLE_START_DELAY_S, WP_VEHICLE_LIMIT_RESPONSE_S,
        WP_VEHICLE_UNBALANCE_PERMILLE, WP_VEHICLE_TAPER_STEP_MA, WP_VEHICLE_ENERGY_PER_SOC_WH,
        WP_VEHICLE_VOLTAGE_MV,         WP_VEHICLE_ENERGY_PER_SOC_WH,
    };
    const bool of_dc = sign == WP_SIGN_DC_VOLTAGE || sign == WP_SIGN_DC_ENERGY_PER_SOC;
    const int32_t value = wp_household_feature(x, feature[sign]);
    if (of_dc != state->direct || value == WP_MISSING) {
        return WP_MISSING;
    }
    if (sign == WP_SIGN_DC_VOLTAGE) {
        if (state->soc_pct == WP_MISSING || !settled(state, x)) {
            return WP_MISSING;
        }
        return value - car->dc_mv_per_soc * (wp_household_pct(state->soc_pct) - 50);
    }
    if (sign == WP_SIGN_TAPER_STEP && wp_household_known(x, WP_VEHICLE_TAPER_STEP_COUNT, 0) < 2) {
        return WP_MISSING; /* a limit may have hidden part of the first */
    }
    return value;
}

/* Of energy for one per cent, how much of a deviation counts, in twentieths; 0: nothing yet. */
static int32_t trust(uint32_t sign, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    if (sign != WP_SIGN_ENERGY_PER_SOC && sign != WP_SIGN_DC_ENERGY_PER_SOC) {
        return GAIN_FULL_PCT;
    }
    const int32_t gain_pct = wp_household_known(x, WP_VEHICLE_SOC_GAIN_PCT, 0);
    return gain_pct < GAIN_MIN_PCT ? 0 : gain_pct > GAIN_FULL_PCT ? GAIN_FULL_PCT : gain_pct;
}

/* Where a meter is read seldom, two steps of a taper look like one. */
static int64_t apart_of(int32_t centre, uint32_t sign, int32_t value)
{
    const int64_t apart = (int64_t)value - centre;
    return sign == WP_SIGN_TAPER_STEP && centre > 0 && 2 * apart >= centre ? (apart - centre) / 2 : apart;
}

uint32_t wp_household_cost(const wp_household *state, const wp_household_model *model, uint32_t k,
                           const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const wp_household_car *car = &model->cars[k];
    const uint32_t strain = state->worst[k];
    uint32_t cost = strain * strain;
    const int32_t phases = wp_household_known(x, WP_VEHICLE_ACTIVE_PHASES, 0);
    const bool seen = wp_household_feature(x, WP_VEHICLE_PLATEAU_MA) != WP_MISSING;
    if (!state->direct && seen && car->phases != 0u && phases != (int32_t)car->phases) {
        cost += model->phases_cost;
    }
    for (uint32_t sign = 0; sign < WP_N_SIGNS; sign++) {
        const int32_t value = sign_of(state, car, sign, x);
        if (value != WP_MISSING) {
            const int64_t apart = apart_of(car->centre[sign], sign, value) * trust(sign, x) / GAIN_FULL_PCT;
            const uint32_t z = z_of(apart, car->weight[sign]);
            cost += z * z;
        }
    }
    return cost; /* below 9 x 80^2 + 2^16 */
}
