#include "features_private.h"

#define INTEGRALS_PER_HOUR 7200000u /* twice the milliseconds of an hour: the integrals are doubled */
#define LN2_Q10 710                 /* ln 2 in 1/1024 */

/* 1024 log2(1 + j / 16), j = 0 .. 16. */
static const uint16_t log2_q10[17] = {0,   90,  174, 254, 330, 402, 470, 536, 599,
                                      659, 717, 773, 827, 879, 929, 977, 1024};

/* 1024 log2(x) for 1 <= x < 2^20, the mantissa interpolated between sixteenths. */
static int32_t log2_of(uint32_t x)
{
    uint32_t n = 19;
    while (n > 0 && (x >> n) == 0) { /* at most 19 turns */
        n--;
    }
    const uint32_t m = (x << (30u - n)) & 0x3FFFFFFFu; /* the fraction, in 2^-30 */
    const uint32_t j = m >> 26;
    const uint32_t r = (m >> 16) & 1023u;
    const uint32_t slope = ((uint32_t)log2_q10[j + 1u] - log2_q10[j]) & 127u; /* at most 90 */
    return (int32_t)(1024u * n + log2_q10[j] + ((slope * r) >> 10));
}

/* Inputs are currents, at most 524 287: 1000 times that fits 32 bits. */
static int32_t permille(int32_t numerator, int32_t denominator)
{
    return denominator <= 0 ? WP_MISSING : saturate(round_divide(1000 * numerator, denominator));
}

static int32_t seconds(uint32_t ms)
{
    return saturate(ms / 1000u);
}

/* A decay exp(-t / T) leaves the 60 s and 300 s means in the ratio (T - 300) / (T - 60). ratio 300..990: T stays
 * below 24 061. */
static int32_t taper_time_constant_s(int32_t ratio_permille, int32_t current_ma)
{
    if (ratio_permille < 300 || ratio_permille > 990 || current_ma <= 0) {
        return WP_MISSING;
    }
    return saturate((300000 - 60 * ratio_permille) / (1000 - ratio_permille));
}

/* Until a decay with that time constant has brought the current down to the end of charge. The logarithms differ by
 * less than 2^15: times 710 fits 32 bits, times T needs 64. Not negative, for log2_of never falls. */
static int32_t taper_end_s(int32_t time_constant_s, int32_t current_ma, int32_t end_ma)
{
    if (time_constant_s == WP_MISSING) {
        return WP_MISSING;
    }
    if (current_ma <= end_ma) {
        return 0;
    }
    const int32_t log_ratio = (log2_of((uint32_t)current_ma) - log2_of((uint32_t)end_ma)) * LN2_Q10;
    return saturate((int64_t)(((uint64_t)(uint32_t)time_constant_s * (uint32_t)log_ratio) >> 20));
}

static void read_means(const wp_features *state, int32_t x[WP_N_FEATURES])
{
    const int32_t i5 = mean_current(state, MEAN_5S);
    const int32_t i60 = mean_current(state, MEAN_60S);
    const int32_t i300 = mean_current(state, MEAN_300S);
    const int32_t i900 = mean_current(state, MEAN_900S);
    const int32_t ratio = permille(i60, i300);
    const int32_t time_constant_s = taper_time_constant_s(ratio, i60);

    x[WP_FEATURE_CURRENT_MEAN_5S_MA] = i5;
    x[WP_FEATURE_CURRENT_MEAN_60S_MA] = i60;
    x[WP_FEATURE_CURRENT_MEAN_300S_MA] = i300;
    x[WP_FEATURE_CURRENT_MEAN_900S_MA] = i900;
    x[WP_FEATURE_VOLTAGE_MEAN_5S_MV] = mean_voltage(state, MEAN_5S);
    x[WP_FEATURE_VOLTAGE_MEAN_60S_MV] = mean_voltage(state, MEAN_60S);
    x[WP_FEATURE_VOLTAGE_MEAN_300S_MV] = mean_voltage(state, MEAN_300S);
    x[WP_FEATURE_VOLTAGE_DRIFT_60S_300S_MV] = mean_voltage(state, MEAN_60S) - mean_voltage(state, MEAN_300S);
    x[WP_FEATURE_CURRENT_RATIO_5S_60S_PERMILLE] = permille(i5, i60);
    x[WP_FEATURE_CURRENT_RATIO_60S_300S_PERMILLE] = ratio;
    x[WP_FEATURE_CURRENT_RATIO_300S_900S_PERMILLE] = permille(i300, i900);
    x[WP_FEATURE_CURRENT_OF_MAX_PERMILLE] = permille(i5, state->current_max_ma);
    x[WP_FEATURE_CURRENT_DEVIATION_60S_MA] = mean(state->current_deviation_q10);
    x[WP_FEATURE_CURRENT_CHANGE_60S_MA] = mean(state->current_change_q10);
    x[WP_FEATURE_TAPER_TIME_CONSTANT_S] = time_constant_s;
    x[WP_FEATURE_TAPER_END_S] = taper_end_s(time_constant_s, i60, end_current_ma(state));
}

void wp_features_read(const wp_features *state, int32_t x[WP_N_FEATURES])
{
    const uint32_t now = state->elapsed_ms;

    read_means(state, x);
    x[WP_FEATURE_ELAPSED_S] = seconds(now);
    x[WP_FEATURE_VOLTAGE_MV] = state->voltage_mv;
    x[WP_FEATURE_CURRENT_MA] = state->current_ma;
    x[WP_FEATURE_POWER_MW] = saturate(state->power_mw);
    x[WP_FEATURE_CURRENT_MAX_MA] = state->current_max_ma;
    x[WP_FEATURE_POWER_MAX_MW] = saturate(state->power_max_mw);
    x[WP_FEATURE_SINCE_POWER_MAX_S] = seconds(now - state->power_max_at_ms);
    x[WP_FEATURE_SINCE_CURRENT_HIGH_S] = seconds(now - state->current_high_at_ms);
    x[WP_FEATURE_CURRENT_RISE_MAX_MA] = state->current_rise_max_ma;
    x[WP_FEATURE_CHARGE_MAH] = saturate(round_divide_64(state->charge_2ma_ms, INTEGRALS_PER_HOUR));
    x[WP_FEATURE_ENERGY_MWH] = saturate(round_divide_64(state->energy_2mw_ms, INTEGRALS_PER_HOUR));
    x[WP_FEATURE_CURRENT_FIRST_10S_MA] = state->current_first_10s_ma;
    x[WP_FEATURE_VOLTAGE_MAX_MV] = state->voltage_max_mv;
    x[WP_FEATURE_VOLTAGE_FIRST_STEP_S] = state->voltage_first_step_s;
    x[WP_FEATURE_VOLTAGE_STEP_COUNT] = (int32_t)state->voltage_step_count;
    x[WP_FEATURE_PLATEAU_MA] = state->plateau_ma;
    x[WP_FEATURE_PLATEAU_DWELL_S] = seconds(now - state->plateau_at_ms);
    x[WP_FEATURE_PLATEAU_PREVIOUS_MA] = state->plateau_previous_ma;
    x[WP_FEATURE_UNOBSERVED_S] = seconds(state->unobserved_ms);
    for (size_t k = 0; k < WP_N_START_CURRENTS; k++) {
        x[WP_FEATURE_CURRENT_AT_0S_MA + k] = state->current_at_ma[k];
    }
}
