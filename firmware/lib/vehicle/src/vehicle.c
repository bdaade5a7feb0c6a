#include "wp/vehicle.h"

#include <string.h>

#define STEP_MAX_MS 0x7FFFFFFFu /* a longer one is a clock that ran backwards */
#define OBSERVED_MAX_MS 300000u /* beyond it nothing is known of the time between two samples */
#define INTEGRAL_MAX ((int64_t)1 << 61)
#define DRAWING_MA 1000
#define LEAST_PILOT_DA 60 /* that lets a vehicle draw (IEC 61851-1) */
#define PILOT_MAX_DA 800
#define PILOT_STEP_DA 5
#define ABOVE_LIMIT_MA 500
#define LEVEL_LEAST_MA 250
#define LEVEL_PART 50 /* of the level: 2 % */
#define PLATEAU_HOLD_MS 30000u
#define PAUSE_MS 60000u

void wp_vehicle_init(wp_vehicle *state)
{
    memset(state, 0, sizeof *state);
    int32_t *const missing[] = {
        &state->current_least_ma,          &state->pilot_da,         &state->plateau_ma,
        &state->plateau_previous_ma,       &state->plateau_first_ma, &state->rise_ma_per_s,
        &state->plateau_of_limit_permille, &state->limit_response_s, &state->taper_step_ma,
        &state->taper_dwell_s,             &state->energy_first_wh,  &state->soc_pct,
        &state->soc_first_pct,             &state->soc_mark_pct,     &state->soc_mark_wh,
        &state->soc_latest_pct,            &state->soc_latest_wh,
    };
    for (size_t k = 0; k < sizeof missing / sizeof missing[0]; k++) {
        *missing[k] = WP_MISSING;
    }
}

static int32_t limit(int32_t x, int32_t least, int32_t most)
{
    return x < least ? least : x > most ? most : x;
}

static uint32_t add_saturating(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

static void count(uint32_t *counter)
{
    if (*counter < (uint32_t)WP_FEATURE_MAX) {
        *counter += 1u;
    }
}

/* Whole seconds, limited. */
static int32_t seconds(uint32_t ms)
{
    return (int32_t)(ms / 1000u); /* at most 4 294 967 */
}

/* How far the current may stray from a level and still be it. */
static int32_t level_width(int32_t level_ma)
{
    const int32_t part = level_ma / LEVEL_PART;
    return part > LEVEL_LEAST_MA ? part : LEVEL_LEAST_MA;
}

/* The phases in one: largest current and its voltage, power. The sum stays below 3 * 2^20 * 2^19 < 2^41. */
static void measure(wp_vehicle *state, const wp_vehicle_sample *sample)
{
    int64_t power_uw = 0;
    int32_t least = WP_MISSING;
    state->current_ma = -WP_CURRENT_MAX_MA;
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        const int32_t voltage_mv = limit(sample->voltage_mv[k], 0, WP_VOLTAGE_MAX_MV);
        const int32_t current_ma = limit(sample->current_ma[k], -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA);
        power_uw += (int64_t)voltage_mv * current_ma;
        if (current_ma >= DRAWING_MA) {
            state->active = (uint8_t)(state->active | (1u << k));
        }
        if (((uint32_t)state->active >> k & 1u) != 0u && (least == WP_MISSING || current_ma < least)) {
            least = current_ma;
        }
        if (k == 0 || current_ma > state->current_ma) {
            state->current_ma = current_ma;
            state->voltage_mv = voltage_mv;
        }
    }
    state->current_least_ma = least;
    /* To nearest, halves away from zero; at most 1.7 MW. */
    const int64_t half = power_uw < 0 ? -500000 : 500000;
    state->power_w = (int32_t)((power_uw + half) / 1000000);
    if (state->n_samples == 1u || state->power_w > state->power_max_w) {
        state->power_max_w = state->power_w;
    }
    if (state->n_samples == 1u || state->current_ma > state->current_max_ma) {
        state->current_max_ma = state->current_ma;
    }
}

/* A change of the limit, and whether the current obeys it yet. */
static void follow_limit(wp_vehicle *state, int32_t pilot_da)
{
    const int32_t pilot = pilot_da < 0 ? WP_MISSING : limit(pilot_da, 0, PILOT_MAX_DA);
    const int32_t before = state->pilot_da;
    if (pilot != WP_MISSING && before != WP_MISSING) {
        const int32_t change = (int32_t)((uint32_t)pilot - (uint32_t)before); /* both are 0 ... 800 */
        if (change >= PILOT_STEP_DA || change <= -PILOT_STEP_DA) {
            count(&state->limit_steps);
            state->limit_changed = true;
            state->answering = change < 0;
            state->limit_fell_ms = state->elapsed_ms;
        }
    }
    if (pilot == WP_MISSING) {
        state->answering = false;
    }
    state->pilot_da = pilot;
    if (state->answering && state->current_ma <= limit(pilot, 0, PILOT_MAX_DA) * 100 + ABOVE_LIMIT_MA) {
        state->limit_response_s = seconds(state->elapsed_ms - state->limit_fell_ms);
        state->answering = false;
    }
    if (!state->allowed && (pilot == WP_MISSING || pilot >= LEAST_PILOT_DA)) {
        state->allowed = true;
        state->allowed_ms = state->elapsed_ms;
    }
}

/* Start, pauses and restarts; dt_ms is the step from the sample before, which was drawing or not. */
static void follow_flow(wp_vehicle *state, uint32_t dt_ms)
{
    const bool was = state->drawing;
    state->drawing = state->current_ma >= DRAWING_MA;
    if (state->drawn && !was) {
        state->paused_ms = add_saturating(state->paused_ms, dt_ms);
        state->still_ms = add_saturating(state->still_ms, dt_ms);
    }
    if (state->drawing) {
        if (!state->drawn) {
            state->drawn = true;
            state->start_ms = state->elapsed_ms;
        }
        if (state->pausing) {
            count(&state->restarts);
        }
        state->pausing = false;
        state->still_ms = 0u;
        return;
    }
    if (!state->drawn) {
        state->idle_before = true;
        state->idle_ms = state->elapsed_ms;
    } else if (!state->pausing && state->still_ms >= PAUSE_MS) {
        state->pausing = true;
        state->limit_changed = true; /* what comes after a pause is no step of a taper */
        count(&state->pauses);
        if (state->pilot_da != WP_MISSING && state->pilot_da < LEAST_PILOT_DA) {
            count(&state->pauses_by_limit);
        }
    }
}

/* The level has held: a new plateau, by a limit, a taper or of itself. */
static void settle(wp_vehicle *state)
{
    const int32_t before = state->plateau_ma;
    state->steady = true;
    if (before == WP_MISSING) {
        state->plateau_first_ma = state->level_ma;
        if (state->idle_before) {
            /* Times ascend, and a level that has held began before they saturate: it is above 0. */
            const uint32_t rise_ms = state->level_ms - state->idle_ms;
            const int64_t rate = (int64_t)state->level_ma * 1000 / (rise_ms > 0u ? (int64_t)rise_ms : 1);
            state->rise_ma_per_s = rate > WP_FEATURE_MAX ? WP_FEATURE_MAX : (int32_t)rate;
        }
    } else if (!state->limit_changed && state->level_ma < before) {
        if (state->taper_steps == 0u) {
            state->taper_ms = state->elapsed_ms;
        }
        count(&state->taper_steps);
        state->taper_step_ma = before - state->level_ma;
        state->taper_dwell_s = seconds(state->plateau_ms);
    }
    state->plateau_previous_ma = before;
    state->plateau_ma = state->level_ma;
    state->limit_changed = false;
    if (state->pilot_da != WP_MISSING && state->pilot_da > 0) {
        state->plateau_of_limit_permille = state->level_ma * 10 / state->pilot_da;
    }
}

static void follow_level(wp_vehicle *state)
{
    const int32_t away = state->current_ma - state->level_ma;
    const int32_t width = level_width(state->level_ma);
    if (!state->drawing || !state->level_seen || away > width || away < -width) {
        state->level_ma = state->current_ma;
        state->level_ms = state->elapsed_ms;
        state->level_seen = state->drawing;
        state->steady = false;
        return;
    }
    if (!state->steady && state->elapsed_ms - state->level_ms >= PLATEAU_HOLD_MS) {
        settle(state);
    }
    if (state->steady) {
        state->plateau_ms = state->elapsed_ms - state->level_ms;
    }
}

/* Energy by the meter where there is one, else by the integral of power; and marks of the state of charge. */
static void follow_energy(wp_vehicle *state, const wp_vehicle_sample *sample, int32_t power_before_w, uint32_t dt_ms)
{
    const uint32_t seen_ms = dt_ms < OBSERVED_MAX_MS ? dt_ms : OBSERVED_MAX_MS;
    const int64_t sum = state->energy_2w_ms + ((int64_t)power_before_w + state->power_w) * (int64_t)seen_ms;
    state->energy_2w_ms = sum < -INTEGRAL_MAX ? -INTEGRAL_MAX : sum > INTEGRAL_MAX ? INTEGRAL_MAX : sum;
    if (state->n_samples == 1u && sample->energy_wh >= 0) {
        state->energy_first_wh = sample->energy_wh;
    }
    int64_t energy = state->energy_2w_ms / 7200000;
    if (state->energy_first_wh != WP_MISSING) {
        energy = sample->energy_wh < 0 ? state->energy_wh : (int64_t)sample->energy_wh - state->energy_first_wh;
    }
    state->energy_wh = energy > WP_FEATURE_MAX ? WP_FEATURE_MAX
                       : energy < -WP_FEATURE_MAX ? -WP_FEATURE_MAX
                                                  : (int32_t)energy;
    if (sample->soc_pct < 0 || sample->soc_pct > 100) {
        return;
    }
    if (state->soc_first_pct == WP_MISSING) {
        state->soc_first_pct = sample->soc_pct;
    } else if (sample->soc_pct > state->soc_pct) {
        if (state->soc_mark_pct == WP_MISSING) {
            state->soc_mark_pct = sample->soc_pct;
            state->soc_mark_wh = state->energy_wh;
        }
        state->soc_latest_pct = sample->soc_pct;
        state->soc_latest_wh = state->energy_wh;
    }
    if (state->soc_pct == WP_MISSING || sample->soc_pct > state->soc_pct) {
        state->soc_pct = sample->soc_pct;
    }
}

wp_status wp_vehicle_update(wp_vehicle *state, const wp_vehicle_sample *sample)
{
    const uint32_t dt_ms = state->n_samples == 0u ? 0u : sample->t_ms - state->t_ms;
    if (state->n_samples != 0u && (dt_ms == 0u || dt_ms > STEP_MAX_MS)) {
        return WP_ERROR_TIME;
    }
    const int32_t power_before_w = state->power_w;
    state->n_samples = add_saturating(state->n_samples, 1u);
    state->t_ms = sample->t_ms;
    state->elapsed_ms = add_saturating(state->elapsed_ms, dt_ms);
    measure(state, sample);
    follow_limit(state, sample->pilot_da);
    follow_flow(state, dt_ms);
    follow_level(state);
    follow_energy(state, sample, power_before_w, dt_ms);
    return WP_OK;
}
