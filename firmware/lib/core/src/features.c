#include "wp/features.h"

#include <string.h>

#include "features_private.h"

#define STEP_MAX_MS 0x7FFFFFFFu /* a longer one is a clock that ran backwards */
#define OBSERVED_MAX_MS 300000u /* beyond it nothing is known of the time between two samples */
#define INTEGRAL_MAX ((int64_t)1 << 62)

#define FIRST_MS 10000u
#define PRECHARGE_MAX_MA 100
#define VOLTAGE_STEP_MV 1000u
#define PLATEAU_HOLD_MS 20000u
#define END_HOLD_MS 60000u

/* Of the running means: 5, 60, 300 and 900 s. */
static const uint32_t tau_ms[4] = {5000u, 60000u, 300000u, 900000u};

/* When the current of the start is kept: half a second before the moment it is named after, so that a sample a second
 * with a little jitter always gives the one meant. */
static const uint32_t start_ms[WP_N_START_CURRENTS] = {0u, 1500u, 3500u, 6500u, 14500u};

void wp_features_init(wp_features *state)
{
    memset(state, 0, sizeof *state);
    state->current_first_10s_ma = WP_MISSING;
    state->voltage_first_step_s = WP_MISSING;
    state->plateau_previous_ma = WP_MISSING;
    for (size_t k = 0; k < WP_N_START_CURRENTS; k++) {
        state->current_at_ma[k] = WP_MISSING;
    }
}

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

/* The share of the way a filter goes in dt: dt / (tau + dt) in 1/65536, below 1. The numerator fits 32 bits: dt is at
 * most 65 535, or 18 750 after the division. */
static uint32_t filter_gain(uint32_t dt_ms, uint32_t tau)
{
    const uint32_t divisor = dt_ms > 65535u ? 16u : 1u;
    const uint32_t dt = dt_ms / divisor;
    return (dt << 16) / (tau / divisor + dt);
}

/* One implicit Euler step towards x. Inputs stay within +-1 048 575 and y between old y and x, for the gain is below
 * 1: |1024 x - y| <= 2 x 1024 x 1 048 575 < 2^31, and the move is no larger than that. The limits say so once more, to
 * a prover that follows ranges and not how a move depends on its distance; they never bite. */
static int32_t filter(int32_t y_q10, int32_t x, uint32_t gain)
{
    const int32_t goal_q10 = 1024 * x;
    const int32_t difference = goal_q10 - y_q10;
    const uint32_t move = (uint32_t)(((uint64_t)magnitude(difference) * gain + 32768u) >> 16);
    if (difference < 0) {
        return limit((int32_t)((uint32_t)y_q10 - move), goal_q10, y_q10);
    }
    return limit((int32_t)((uint32_t)y_q10 + move), y_q10, goal_q10);
}

/* Trapezoid of one quantity, twice its area. |a + b| < 2^31 by the limits of samples, dt < 2^19: a term stays below
 * 2^50 and cannot overflow a sum within +-2^62. */
static int64_t integrate(int64_t sum, int32_t a, int32_t b, uint32_t dt_ms)
{
    const int64_t next = sum + (int64_t)(a + b) * (int64_t)dt_ms;
    return next < -INTEGRAL_MAX ? -INTEGRAL_MAX : next > INTEGRAL_MAX ? INTEGRAL_MAX : next;
}

static void start(wp_features *state, int32_t voltage_mv, int32_t current_ma)
{
    for (size_t k = 0; k < 4; k++) {
        state->current_mean_q10[k] = 1024 * current_ma;
    }
    for (size_t k = 0; k < 3; k++) {
        state->voltage_mean_q10[k] = 1024 * voltage_mv;
    }
    state->current_max_ma = current_ma;
    state->voltage_max_mv = voltage_mv;
    state->power_max_mw = power_of(voltage_mv, current_ma);
    state->current_mean_max_ma = current_ma;
    state->voltage_level_mv = voltage_mv;
    state->plateau_ma = current_ma;
}

/* Integrals and filters over the step from the previous sample, still in state, to this one. */
static void integrate_step(wp_features *state, int32_t voltage_mv, int32_t current_ma, uint32_t dt_ms)
{
    const int32_t change_ma = current_ma - state->current_ma;
    uint32_t gain[4];

    state->charge_2ma_ms = integrate(state->charge_2ma_ms, state->current_ma, current_ma, dt_ms);
    state->energy_2mw_ms =
        integrate(state->energy_2mw_ms, state->power_mw, power_of(voltage_mv, current_ma), dt_ms);
    for (size_t k = 0; k < 4; k++) {
        gain[k] = filter_gain(dt_ms, tau_ms[k]);
        state->current_mean_q10[k] = filter(state->current_mean_q10[k], current_ma, gain[k]);
    }
    for (size_t k = 0; k < 3; k++) {
        state->voltage_mean_q10[k] = filter(state->voltage_mean_q10[k], voltage_mv, gain[k]);
    }
    const int32_t deviation_ma = (int32_t)magnitude(current_ma - mean_current(state, MEAN_60S));
    state->current_deviation_q10 = filter(state->current_deviation_q10, deviation_ma, gain[MEAN_60S]);
    state->current_change_q10 = filter(state->current_change_q10, (int32_t)magnitude(change_ma), gain[MEAN_60S]);
    state->current_rise_max_ma = larger(state->current_rise_max_ma, change_ma);
}

static void update_maxima(wp_features *state)
{
    const int32_t current_ma = mean_current(state, MEAN_5S);
    const int32_t voltage_mv = mean_voltage(state, MEAN_5S);
    const int32_t power_mw = power_of(voltage_mv, current_ma);

    state->current_max_ma = larger(state->current_max_ma, current_ma);
    state->voltage_max_mv = larger(state->voltage_max_mv, voltage_mv);
    state->current_mean_max_ma = larger(state->current_mean_max_ma, mean_current(state, MEAN_60S));
    if (power_mw >= state->power_max_mw) {
        state->power_max_mw = power_mw;
        state->power_max_at_ms = state->elapsed_ms;
    }
    if (100 * current_ma >= 95 * state->current_max_ma) {
        state->current_high_at_ms = state->elapsed_ms;
    }
}

/* The mean of the first ten seconds, by the integral. */
static void update_first_current(wp_features *state)
{
    if (state->current_first_10s_ma == WP_MISSING && state->elapsed_ms >= FIRST_MS) {
        const uint32_t elapsed_ms = state->elapsed_ms < STEP_MAX_MS ? state->elapsed_ms : STEP_MAX_MS;
        const int64_t mean_ma = round_divide_64(state->charge_2ma_ms, 2u * elapsed_ms);
        state->current_first_10s_ma = limit(saturate(mean_ma), -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA); /* it is within */
    }
}

/* Times ascend: what is missing is a tail of the list. */
static void update_start_currents(wp_features *state)
{
    for (size_t k = WP_N_START_CURRENTS; k > 0 && state->current_at_ma[k - 1u] == WP_MISSING; k--) {
        if (state->elapsed_ms >= start_ms[k - 1u]) {
            state->current_at_ma[k - 1u] = state->current_ma;
        }
    }
}

static void update_voltage_steps(wp_features *state, int32_t voltage_mv)
{
    if (magnitude(voltage_mv - state->voltage_level_mv) < VOLTAGE_STEP_MV) {
        return;
    }
    state->voltage_level_mv = voltage_mv;
    if (state->voltage_step_count < (uint32_t)WP_FEATURE_MAX) {
        state->voltage_step_count++;
    }
    if (state->voltage_first_step_s == WP_MISSING) {
        state->voltage_first_step_s = (int32_t)(state->elapsed_ms / 1000u);
    }
}

static void update_plateau(wp_features *state)
{
    const int32_t current_ma = mean_current(state, MEAN_5S);
    const uint32_t share = magnitude(state->plateau_ma) / 20u;

    if (magnitude(current_ma - state->plateau_ma) <= (share > 30u ? share : 30u)) {
        return;
    }
    if (state->elapsed_ms - state->plateau_at_ms >= PLATEAU_HOLD_MS) {
        state->plateau_previous_ma = state->plateau_ma;
    }
    state->plateau_ma = current_ma;
    state->plateau_at_ms = state->elapsed_ms;
}

static void update_end_of_charge(wp_features *state)
{
    /* A rest before the charge is not its end. */
    const bool begun = state->current_mean_max_ma > END_CURRENT_MIN_MA;
    const bool holds = begun && mean_current(state, MEAN_60S) <= end_current_ma(state);

    if (!holds) {
        state->low_at_ms = 0;
    } else if (!state->low) {
        state->low_at_ms = state->elapsed_ms;
    }
    state->low = holds;
}

static wp_phase phase_of(const wp_features *state)
{
    if (state->phase == WP_PHASE_FULL || (state->low && state->elapsed_ms - state->low_at_ms >= END_HOLD_MS)) {
        return WP_PHASE_FULL;
    }
    if (state->elapsed_ms < FIRST_MS || state->current_max_ma < PRECHARGE_MAX_MA) {
        return WP_PHASE_PRECHARGE;
    }
    return 10 * mean_current(state, MEAN_5S) >= 9 * state->current_max_ma ? WP_PHASE_CONSTANT_CURRENT
                                                                        : WP_PHASE_CONSTANT_VOLTAGE;
}

wp_status wp_features_update(wp_features *state, const wp_sample *sample)
{
    const int32_t voltage_mv = limit(sample->voltage_mv, -WP_VOLTAGE_MAX_MV, WP_VOLTAGE_MAX_MV);
    const int32_t current_ma = limit(sample->current_ma, -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA);

    if (state->n_samples == 0) {
        start(state, voltage_mv, current_ma);
    } else {
        const uint32_t step_ms = sample->t_ms - state->t_ms;
        if (step_ms == 0 || step_ms > STEP_MAX_MS) {
            return WP_ERROR_TIME;
        }
        const uint32_t dt_ms = step_ms < OBSERVED_MAX_MS ? step_ms : OBSERVED_MAX_MS;
        state->elapsed_ms = add_saturating(state->elapsed_ms, step_ms);
        state->unobserved_ms = add_saturating(state->unobserved_ms, step_ms - dt_ms);
        integrate_step(state, voltage_mv, current_ma, dt_ms);
    }
    state->n_samples = add_saturating(state->n_samples, 1u);
    state->t_ms = sample->t_ms;
    state->voltage_mv = voltage_mv;
    state->current_ma = current_ma;
    state->power_mw = power_of(voltage_mv, current_ma);
    update_maxima(state);
    update_first_current(state);
    update_start_currents(state);
    update_voltage_steps(state, voltage_mv);
    update_plateau(state);
    update_end_of_charge(state);
    state->phase = (uint8_t)phase_of(state);
    return WP_OK;
}
