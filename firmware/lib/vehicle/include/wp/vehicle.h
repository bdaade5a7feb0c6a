/* wp/vehicle.h: the running description of one charge of an electric vehicle, in O(1) memory.
 *
 * What wp/features.h is at a charger's output this is at a charge point: up to three phases, the
 * current the pilot allows, a meter's energy and, where the link tells it, the state of charge; 1 to
 * 60 s between samples. docs/vehicle.md defines every feature to the last bit; an independent version
 * in tests/ checks this one. A firmware that does not include this header links none of it.
 */
#ifndef WP_VEHICLE_H
#define WP_VEHICLE_H

#include "wp/types.h"

/* Raised whenever a feature is added, removed, reordered or computed otherwise. */
#define WP_VEHICLE_VERSION 1

/* The one list: enumerators and names come from it. */
#define WP_VEHICLE_LIST(X)                                                                         \
    X(ELAPSED_S, elapsed_s)                                                                        \
    X(ACTIVE_PHASES, active_phases)                                                                \
    X(POWER_W, power_w)                                                                            \
    X(POWER_MAX_W, power_max_w)                                                                    \
    X(CURRENT_MA, current_ma)                                                                      \
    X(CURRENT_MAX_MA, current_max_ma)                                                              \
    X(VOLTAGE_MV, voltage_mv)                                                                      \
    X(UNBALANCE_PERMILLE, unbalance_permille)                                                      \
    X(PILOT_MA, pilot_ma)                                                                          \
    X(START_DELAY_S, start_delay_s)                                                                \
    X(RISE_MA_PER_S, rise_ma_per_s)                                                                \
    X(PLATEAU_MA, plateau_ma)                                                                      \
    X(PLATEAU_DWELL_S, plateau_dwell_s)                                                            \
    X(PLATEAU_PREVIOUS_MA, plateau_previous_ma)                                                    \
    X(PLATEAU_FIRST_MA, plateau_first_ma)                                                          \
    X(PLATEAU_OF_LIMIT_PERMILLE, plateau_of_limit_permille)                                        \
    X(LIMIT_STEP_COUNT, limit_step_count)                                                          \
    X(LIMIT_RESPONSE_S, limit_response_s)                                                          \
    X(PAUSE_COUNT, pause_count)                                                                    \
    X(PAUSE_BY_LIMIT_COUNT, pause_by_limit_count)                                                  \
    X(PAUSED_S, paused_s)                                                                          \
    X(RESTART_COUNT, restart_count)                                                                \
    X(TAPER_STEP_COUNT, taper_step_count)                                                          \
    X(TAPER_STEP_MA, taper_step_ma)                                                                \
    X(TAPER_DWELL_S, taper_dwell_s)                                                                \
    X(TAPER_SINCE_S, taper_since_s)                                                                \
    X(ENERGY_WH, energy_wh)                                                                        \
    X(SOC_PCT, soc_pct)                                                                            \
    X(SOC_GAIN_PCT, soc_gain_pct)                                                                  \
    X(ENERGY_PER_SOC_WH, energy_per_soc_wh)

enum wp_vehicle_index {
#define WP_VEHICLE_ENUMERATOR(upper, lower) WP_VEHICLE_##upper,
    WP_VEHICLE_LIST(WP_VEHICLE_ENUMERATOR)
#undef WP_VEHICLE_ENUMERATOR
        WP_N_VEHICLE_FEATURES
};

#define WP_N_PHASES 3

/* One measurement at the charge point. In DC voltage and current stand in the first phase. */
typedef struct wp_vehicle_sample {
    uint32_t t_ms;                    /* any origin; wraps after 49 days, differences stay right */
    int32_t voltage_mv[WP_N_PHASES];  /* to neutral; limited to 0 ... WP_VOLTAGE_MAX_MV */
    int32_t current_ma[WP_N_PHASES];  /* into the vehicle; limited to +-WP_CURRENT_MAX_MA */
    int32_t pilot_da;                 /* allowed on each phase, 0.1 A, at most 800; negative: not known */
    int32_t energy_wh;                /* delivered so far by the meter; negative: there is none */
    int32_t soc_pct;                  /* 0 ... 100; anything else: not told */
} wp_vehicle_sample;

/* State of one charge. All zero is not a valid state: wp_vehicle_init first. Times in ms are elapsed
 * ones, saturating at UINT32_MAX (49 days). */
typedef struct wp_vehicle {
    uint32_t n_samples; /* saturates */
    uint32_t t_ms;      /* of the latest sample */
    uint32_t elapsed_ms;
    int32_t voltage_mv; /* of the phase with the largest current */
    int32_t current_ma; /* the largest of the phases */
    int32_t current_least_ma; /* of the active phases; WP_MISSING with none */
    int32_t current_max_ma;
    int32_t power_w;
    int32_t power_max_w;
    int32_t pilot_da; /* WP_MISSING where not known */
    uint8_t active;   /* bit k: phase k has carried WP_VEHICLE_DRAWING_MA */
    bool drawing;     /* now */
    bool drawn;       /* ever */
    bool allowed;     /* ever */
    bool idle_before; /* a sample without current came before the first with it */
    bool steady;      /* the level has become a plateau */
    bool level_seen;  /* by a second sample */
    bool limit_changed; /* since the plateau before */
    bool answering;   /* current is still above a limit that fell */
    bool pausing;     /* the present pause has been counted */
    uint32_t allowed_ms;
    uint32_t start_ms;
    uint32_t idle_ms; /* the last sample before it */
    uint32_t level_ms;
    int32_t level_ma;
    int32_t plateau_ma;
    int32_t plateau_previous_ma;
    int32_t plateau_first_ma;
    int32_t plateau_of_limit_permille;
    int32_t rise_ma_per_s;
    uint32_t plateau_ms;      /* how long it has lasted */
    uint32_t limit_steps;     /* counts saturate at WP_FEATURE_MAX */
    uint32_t limit_fell_ms;
    int32_t limit_response_s;
    uint32_t pauses;
    uint32_t pauses_by_limit;
    uint32_t restarts;
    uint32_t still_ms;  /* of the present pause */
    uint32_t paused_ms; /* of all after the start */
    uint32_t taper_steps;
    uint32_t taper_ms; /* when the first step was seen to hold */
    int32_t taper_step_ma;
    int32_t taper_dwell_s;
    int64_t energy_2w_ms; /* twice the integral of power */
    int32_t energy_first_wh; /* of the meter; WP_MISSING without one */
    int32_t energy_wh;       /* delivered since the first sample */
    int32_t soc_pct;         /* WP_MISSING until it is told */
    int32_t soc_first_pct;
    int32_t soc_mark_pct;    /* at the first and at the latest change: WP_MISSING before */
    int32_t soc_mark_wh;
    int32_t soc_latest_pct;
    int32_t soc_latest_wh;
} wp_vehicle;

/* Bytes of the canonical serialisation: the fields above in that order, little-endian, no padding; `active` and the
 * booleans are bits of two bytes, the first the lowest. */
#define WP_VEHICLE_STATE_BYTES 174

/* Before the first sample of a charge. */
void wp_vehicle_init(wp_vehicle *state);

/* Takes one sample. WP_ERROR_TIME, and nothing changes, where t_ms does not lie after the one before
 * or lies 2^31 ms or more after it. Some hundred instructions, three 64-bit products, no loop beyond
 * the phases. */
wp_status wp_vehicle_update(wp_vehicle *state, const wp_vehicle_sample *sample) WP_MUST_CHECK;

/* All features after the latest sample: x[WP_N_VEHICLE_FEATURES], WP_MISSING where not defined. */
void wp_vehicle_read(const wp_vehicle *state, int32_t x[WP_N_VEHICLE_FEATURES]);

/* Writes the canonical serialisation of the state; its CRC-32 travels with every answer. */
void wp_vehicle_serialise(const wp_vehicle *state, uint8_t out[WP_VEHICLE_STATE_BYTES]);

/* Name of a feature, NULL beyond the last. */
const char *wp_vehicle_name(uint32_t index);

#endif
