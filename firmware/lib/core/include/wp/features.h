/* wp/features.h: the running description of one charge, in O(1) memory.
 *
 * Fed with samples of any spacing. docs/design.md defines every feature to the last bit; an
 * independent NumPy version in tests/ checks this one. Python trains on this very code.
 */
#ifndef WP_FEATURES_H
#define WP_FEATURES_H

#include "wp/types.h"

/* Raised whenever a feature is added, removed, reordered or computed otherwise. */
#define WP_FEATURES_VERSION 2

/* The one list: enumerators, names in the artifact and the wire's column order come from it. */
#define WP_FEATURE_LIST(X)                                                                         \
    X(ELAPSED_S, elapsed_s)                                                                        \
    X(VOLTAGE_MV, voltage_mv)                                                                      \
    X(CURRENT_MA, current_ma)                                                                      \
    X(POWER_MW, power_mw)                                                                          \
    X(CURRENT_MEAN_5S_MA, current_mean_5s_ma)                                                      \
    X(CURRENT_MEAN_60S_MA, current_mean_60s_ma)                                                    \
    X(CURRENT_MEAN_300S_MA, current_mean_300s_ma)                                                  \
    X(CURRENT_MEAN_900S_MA, current_mean_900s_ma)                                                  \
    X(VOLTAGE_MEAN_5S_MV, voltage_mean_5s_mv)                                                      \
    X(VOLTAGE_MEAN_60S_MV, voltage_mean_60s_mv)                                                    \
    X(VOLTAGE_MEAN_300S_MV, voltage_mean_300s_mv)                                                  \
    X(CURRENT_RATIO_5S_60S_PERMILLE, current_ratio_5s_60s_permille)                                \
    X(CURRENT_RATIO_60S_300S_PERMILLE, current_ratio_60s_300s_permille)                            \
    X(CURRENT_RATIO_300S_900S_PERMILLE, current_ratio_300s_900s_permille)                          \
    X(CURRENT_MAX_MA, current_max_ma)                                                              \
    X(CURRENT_OF_MAX_PERMILLE, current_of_max_permille)                                            \
    X(POWER_MAX_MW, power_max_mw)                                                                  \
    X(SINCE_POWER_MAX_S, since_power_max_s)                                                        \
    X(SINCE_CURRENT_HIGH_S, since_current_high_s)                                                  \
    X(CURRENT_DEVIATION_60S_MA, current_deviation_60s_ma)                                          \
    X(CURRENT_CHANGE_60S_MA, current_change_60s_ma)                                                \
    X(CURRENT_RISE_MAX_MA, current_rise_max_ma)                                                    \
    X(CHARGE_MAH, charge_mah)                                                                      \
    X(ENERGY_MWH, energy_mwh)                                                                      \
    X(CURRENT_FIRST_10S_MA, current_first_10s_ma)                                                  \
    X(VOLTAGE_MAX_MV, voltage_max_mv)                                                              \
    X(VOLTAGE_FIRST_STEP_S, voltage_first_step_s)                                                  \
    X(VOLTAGE_STEP_COUNT, voltage_step_count)                                                      \
    X(VOLTAGE_DRIFT_60S_300S_MV, voltage_drift_60s_300s_mv)                                        \
    X(PLATEAU_MA, plateau_ma)                                                                      \
    X(PLATEAU_DWELL_S, plateau_dwell_s)                                                            \
    X(PLATEAU_PREVIOUS_MA, plateau_previous_ma)                                                    \
    X(TAPER_TIME_CONSTANT_S, taper_time_constant_s)                                                \
    X(TAPER_END_S, taper_end_s)                                                                    \
    X(UNOBSERVED_S, unobserved_s)                                                                  \
    X(CURRENT_AT_0S_MA, current_at_0s_ma)                                                          \
    X(CURRENT_AT_2S_MA, current_at_2s_ma)                                                          \
    X(CURRENT_AT_4S_MA, current_at_4s_ma)                                                          \
    X(CURRENT_AT_7S_MA, current_at_7s_ma)                                                          \
    X(CURRENT_AT_15S_MA, current_at_15s_ma)

enum wp_feature_index {
#define WP_FEATURE_ENUMERATOR(upper, lower) WP_FEATURE_##upper,
    WP_FEATURE_LIST(WP_FEATURE_ENUMERATOR)
#undef WP_FEATURE_ENUMERATOR
        WP_N_FEATURES
};

/* Where the charge stands. One byte on the wire. */
typedef enum wp_phase {
    WP_PHASE_PRECHARGE = 0,        /* first 10 s, or less than 100 mA so far */
    WP_PHASE_CONSTANT_CURRENT = 1, /* the 5 s mean lies within 10 % of its maximum */
    WP_PHASE_CONSTANT_VOLTAGE = 2, /* the current tapers */
    WP_PHASE_FULL = 3              /* the 60 s mean has stayed at or below the end current for 60 s */
} wp_phase;

/* Moments at which the current is kept: devices negotiate and start in ways of their own. */
#define WP_N_START_CURRENTS 5

/* State of one charge. All zero is not a valid state: wp_features_init first. */
typedef struct wp_features {
    uint32_t n_samples;             /* saturates */
    uint32_t t_ms;                  /* of the latest sample */
    int32_t voltage_mv;             /* latest, saturated */
    int32_t current_ma;             /* latest, saturated */
    int32_t power_mw;               /* latest, not yet saturated to a feature */
    uint32_t elapsed_ms;            /* since the first sample; saturates */
    uint32_t unobserved_ms;         /* part of elapsed_ms in steps longer than 300 s; saturates */
    int64_t charge_2ma_ms;          /* twice the integral of current */
    int64_t energy_2mw_ms;          /* twice the integral of power */
    int32_t current_mean_q10[4];    /* 5, 60, 300, 900 s, mA / 1024 */
    int32_t voltage_mean_q10[3];    /* 5, 60, 300 s, mV / 1024 */
    int32_t current_deviation_q10;  /* 60 s mean of |current - its 60 s mean| */
    int32_t current_change_q10;     /* 60 s mean of |step between samples| */
    int32_t current_max_ma;         /* largest 5 s mean */
    int32_t voltage_max_mv;         /* largest 5 s mean */
    int32_t power_max_mw;           /* largest product of the 5 s means */
    int32_t current_mean_max_ma;    /* largest 60 s mean: the peak of the end-of-charge rule */
    int32_t current_rise_max_ma;    /* largest rise between two samples */
    int32_t current_first_10s_ma;   /* WP_MISSING before 10 s */
    int32_t voltage_level_mv;       /* voltage after the latest step */
    int32_t voltage_first_step_s;   /* WP_MISSING before the first step */
    uint32_t voltage_step_count;    /* saturates at WP_FEATURE_MAX */
    uint32_t power_max_at_ms;       /* elapsed time of the latest power maximum */
    uint32_t current_high_at_ms;    /* latest elapsed time at >= 95 % of current_max_ma */
    int32_t plateau_ma;             /* level of the plateau under way */
    uint32_t plateau_at_ms;         /* when it began */
    int32_t plateau_previous_ma;    /* the last one that held >= 20 s, or WP_MISSING */
    int32_t current_at_ma[WP_N_START_CURRENTS]; /* about 0, 2, 4, 7 and 15 s after the plug; WP_MISSING before */
    uint32_t low_at_ms;             /* since when the end-of-charge rule holds */
    bool low;                       /* whether it holds now */
    uint8_t phase;                  /* wp_phase; FULL is final */
} wp_features;

/* Bytes of the canonical serialisation: the fields above in that order, little-endian, no padding. */
#define WP_STATE_BYTES 162

/* Begins a charge. */
void wp_features_init(wp_features *state);

/* Takes one sample.
 *
 *   state   of the charge; untouched on error
 *   sample  t_ms must lie 1 ms to 2^31 - 1 ms after the previous sample's (modulo 2^32)
 *
 * Returns WP_OK or WP_ERROR_TIME. Cost: O(1), three 64-bit divisions. */
WP_MUST_CHECK wp_status wp_features_update(wp_features *state, const wp_sample *sample);

/* Writes the features after at least one sample.
 *
 *   x       [WP_N_FEATURES], each within +-WP_FEATURE_MAX or WP_MISSING */
void wp_features_read(const wp_features *state, int32_t x[WP_N_FEATURES]);

/* Writes the canonical serialisation of the state; its CRC-32 travels with every answer. */
void wp_features_serialise(const wp_features *state, uint8_t out[WP_STATE_BYTES]);

#endif
