#include "wp/vehicle.h"

static int32_t seconds(uint32_t ms)
{
    return (int32_t)(ms / 1000u);
}

/* 0 ... most, which it is where it is not WP_MISSING: for what is made of it. */
static int32_t limited(int32_t value, int32_t most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void read_flow(const wp_vehicle *state, int32_t x[WP_N_VEHICLE_FEATURES])
{
    x[WP_VEHICLE_START_DELAY_S] = WP_MISSING;
    if (state->drawn && state->allowed && state->start_ms >= state->allowed_ms) {
        x[WP_VEHICLE_START_DELAY_S] = seconds(state->start_ms - state->allowed_ms);
    }
    x[WP_VEHICLE_RISE_MA_PER_S] = state->rise_ma_per_s;
    x[WP_VEHICLE_PLATEAU_MA] = state->plateau_ma;
    x[WP_VEHICLE_PLATEAU_DWELL_S] = state->steady ? seconds(state->plateau_ms) : WP_MISSING;
    x[WP_VEHICLE_PLATEAU_PREVIOUS_MA] = state->plateau_previous_ma;
    x[WP_VEHICLE_PLATEAU_FIRST_MA] = state->plateau_first_ma;
    x[WP_VEHICLE_PLATEAU_OF_LIMIT_PERMILLE] = state->plateau_of_limit_permille;
    x[WP_VEHICLE_LIMIT_STEP_COUNT] = (int32_t)state->limit_steps;
    x[WP_VEHICLE_LIMIT_RESPONSE_S] = state->limit_response_s;
    x[WP_VEHICLE_PAUSE_COUNT] = (int32_t)state->pauses;
    x[WP_VEHICLE_PAUSE_BY_LIMIT_COUNT] = (int32_t)state->pauses_by_limit;
    x[WP_VEHICLE_PAUSED_S] = seconds(state->paused_ms);
    x[WP_VEHICLE_RESTART_COUNT] = (int32_t)state->restarts;
    x[WP_VEHICLE_TAPER_STEP_COUNT] = (int32_t)state->taper_steps;
    x[WP_VEHICLE_TAPER_STEP_MA] = state->taper_step_ma;
    x[WP_VEHICLE_TAPER_DWELL_S] = state->taper_dwell_s;
    x[WP_VEHICLE_TAPER_SINCE_S] =
        state->taper_steps != 0u ? seconds(state->elapsed_ms - state->taper_ms) : WP_MISSING;
}

static void read_energy(const wp_vehicle *state, int32_t x[WP_N_VEHICLE_FEATURES])
{
    x[WP_VEHICLE_ENERGY_WH] = state->energy_wh;
    x[WP_VEHICLE_SOC_PCT] = state->soc_pct;
    x[WP_VEHICLE_SOC_GAIN_PCT] = state->soc_first_pct != WP_MISSING
                                     ? limited(state->soc_pct, 100) - limited(state->soc_first_pct, 100)
                                     : WP_MISSING;
    x[WP_VEHICLE_ENERGY_PER_SOC_WH] = WP_MISSING;
    const int32_t marked_pct = limited(state->soc_latest_pct, 100) - limited(state->soc_mark_pct, 100);
    if (state->soc_mark_pct != WP_MISSING && marked_pct > 0) {
        /* Of what is not WP_MISSING, so it is no more than 2^25. */
        const int32_t gained_wh = (int32_t)((uint32_t)state->soc_latest_wh - (uint32_t)state->soc_mark_wh);
        const int32_t each_wh = gained_wh / marked_pct;
        x[WP_VEHICLE_ENERGY_PER_SOC_WH] = each_wh > WP_FEATURE_MAX    ? WP_FEATURE_MAX
                                          : each_wh < -WP_FEATURE_MAX ? -WP_FEATURE_MAX
                                                                      : each_wh;
    }
}

void wp_vehicle_read(const wp_vehicle *state, int32_t x[WP_N_VEHICLE_FEATURES])
{
    const bool any = state->n_samples != 0u;
    int32_t n_active = 0;
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        n_active += (int32_t)((uint32_t)state->active >> k & 1u);
    }
    x[WP_VEHICLE_ELAPSED_S] = seconds(state->elapsed_ms);
    x[WP_VEHICLE_ACTIVE_PHASES] = n_active;
    x[WP_VEHICLE_POWER_W] = any ? state->power_w : WP_MISSING;
    x[WP_VEHICLE_POWER_MAX_W] = any ? state->power_max_w : WP_MISSING;
    x[WP_VEHICLE_CURRENT_MA] = any ? state->current_ma : WP_MISSING;
    x[WP_VEHICLE_CURRENT_MAX_MA] = any ? state->current_max_ma : WP_MISSING;
    x[WP_VEHICLE_VOLTAGE_MV] = any ? state->voltage_mv : WP_MISSING;
    x[WP_VEHICLE_UNBALANCE_PERMILLE] = WP_MISSING;
    if (n_active > 1 && state->drawing && state->current_ma > 0) {
        const int64_t apart = (int64_t)state->current_ma - state->current_least_ma;
        x[WP_VEHICLE_UNBALANCE_PERMILLE] = (int32_t)(apart * 1000 / state->current_ma);
    }
    x[WP_VEHICLE_PILOT_MA] = state->pilot_da != WP_MISSING ? limited(state->pilot_da, 800) * 100 : WP_MISSING;
    read_flow(state, x);
    read_energy(state, x);
}

const char *wp_vehicle_name(uint32_t index)
{
    static const char *const names[] = {
#define WP_VEHICLE_TEXT(upper, lower) #lower,
        WP_VEHICLE_LIST(WP_VEHICLE_TEXT)
#undef WP_VEHICLE_TEXT
    };
    return index < sizeof names / sizeof names[0] ? names[index] : NULL;
}
