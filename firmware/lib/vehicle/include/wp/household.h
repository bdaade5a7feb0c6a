/* wp/household.h: which of a household's cars is charging, and how long, from the features of wp/vehicle.h.
 *
 * 2 to 8 enrolled cars, each described by tables that training writes (docs/artifact.md); what a car does is held
 * against each of them. The answer is the likeliest car, and the set of those still possible: it only ever narrows
 * during a charge, and never to nothing. docs/vehicle.md defines everything to the last bit. O(1) memory, no float, any
 * features may be passed in.
 */
#ifndef WP_HOUSEHOLD_H
#define WP_HOUSEHOLD_H

#include "wp/vehicle.h"

/* Raised whenever the tables or the rules change: generated models name it. */
#define WP_HOUSEHOLD_VERSION 3

#define WP_HOUSEHOLD_CARS_MAX 8
#define WP_HOUSEHOLD_NO_CAR 255
#define WP_HOUSEHOLD_N_ENERGY 17 /* quantiles of a charge's energy, at sixteenths */
#define WP_HOUSEHOLD_N_LEVELS 16 /* of the current in a taper, sixteenths of the most a car draws */
#define WP_HOUSEHOLD_N_CURVE 21  /* power in DC at 0, 5 ... 100 % */
#define WP_HOUSEHOLD_NOT_KNOWN_S UINT16_MAX

/* What tells cars apart beside phases, plateau and power; the order of centre and weight. */
#define WP_HOUSEHOLD_SIGN_LIST(X)                                                                  \
    X(RISE, rise_ma_per_s)                                                                         \
    X(START_DELAY, start_delay_s)                                                                  \
    X(LIMIT_RESPONSE, limit_response_s)                                                            \
    X(UNBALANCE, unbalance_permille)                                                               \
    X(TAPER_STEP, taper_step_ma)                                                                   \
    X(ENERGY_PER_SOC, energy_per_soc_wh)                                                           \
    X(DC_VOLTAGE, dc_voltage_mv)                                                                   \
    X(DC_ENERGY_PER_SOC, dc_energy_per_soc_wh)

enum wp_household_sign {
#define WP_HOUSEHOLD_ENUMERATOR(upper, lower) WP_SIGN_##upper,
    WP_HOUSEHOLD_SIGN_LIST(WP_HOUSEHOLD_ENUMERATOR)
#undef WP_HOUSEHOLD_ENUMERATOR
        WP_N_SIGNS
};

/* What an estimate rests on; each stage has interval factors of its own. */
enum wp_household_stage {
    WP_STAGE_WAITING,   /* no plateau yet */
    WP_STAGE_PAUSED,    /* after one, no current now */
    WP_STAGE_ENERGY_0,  /* AC, no state of charge; first quarter of the usual energy's distribution */
    WP_STAGE_ENERGY_1,
    WP_STAGE_ENERGY_2,
    WP_STAGE_ENERGY_3,
    WP_STAGE_TAPER,     /* AC, the staircase has begun */
    WP_STAGE_SOC,       /* AC, state of charge told */
    WP_STAGE_DC_LOW,    /* DC, state of charge told; power now below 5/8 of the car's own */
    WP_STAGE_DC_PART,   /* below 7/8 of it */
    WP_STAGE_DC,
    WP_STAGE_DC_BLIND,  /* DC, no state of charge */
    WP_N_STAGES
};

enum wp_household_phase {
    WP_HOUSEHOLD_WAITING, /* plugged in, has not drawn yet */
    WP_HOUSEHOLD_CHARGING,
    WP_HOUSEHOLD_TAPER,
    WP_HOUSEHOLD_PAUSED, /* no current, and none allowed or for less than a minute */
    WP_HOUSEHOLD_DONE    /* no current for a minute though the charge point allows it */
};

enum wp_household_flag {
    WP_HOUSEHOLD_UNKNOWN = 1,   /* like no enrolled car: its class is what is known of it */
    WP_HOUSEHOLD_SEVERAL = 2,   /* more than one car is possible */
    WP_HOUSEHOLD_DIRECT = 4,    /* DC */
    WP_HOUSEHOLD_SOC = 8,       /* the link has told a state of charge */
    WP_HOUSEHOLD_NO_TARGET = 16 /* target_s is not known: no energy asked, and no way to tell the state of charge */
};

/* One enrolled car, or any other car, as the last of a model's. */
typedef struct wp_household_car {
    int32_t centre[WP_N_SIGNS];
    uint16_t weight[WP_N_SIGNS]; /* 65536 / standard deviation; 0: says nothing */
    uint16_t plateau_weight;     /* the same of what a plateau is off by, in ten thousandths */
    uint16_t power_weight;       /* of power in DC above the curve, in ten thousandths of it */
    uint16_t limit_permille;     /* of the allowed current that it draws, from 16 A on, at most 1200 */
    uint16_t low_limit_permille; /* the same at 6 A */
    uint8_t phases;              /* that it draws from here in AC; 0: not known */
    uint8_t usual_end_pct[2][3]; /* in AC, in DC: state of charge at which charges end, 10, 50, 90 % */
    int32_t ceiling_ma;          /* most it draws on a phase, 1000 or more */
    int32_t dc_mv_per_soc;       /* rise of the voltage in DC for each per cent, 0 ... 65535; the sign is at 50 % */
    int32_t energy_per_soc_wh[2];/* from the charge point for one per cent, in AC, in DC; 0: not known, at most 16383 */
    int32_t usual_power_w;       /* from the first current to the end, pauses included; 300 or more */
    int32_t energy_wh[WP_HOUSEHOLD_N_ENERGY]; /* of a charge, ascending strictly, 0 ... 1 000 000 */
    int32_t taper_wh;            /* from the first step of the taper to the end, at most 65535 */
    uint16_t taper_s;            /* and how long; 0 without a taper */
    uint16_t level_s[WP_HOUSEHOLD_N_LEVELS]; /* left when a step of this height begins; WP_HOUSEHOLD_NOT_KNOWN_S */
    int32_t curve_w[WP_HOUSEHOLD_N_CURVE];   /* power in DC, 300 ... 1 000 000 */
} wp_household_car;

typedef struct wp_household_model {
    uint16_t abi;                 /* WP_HOUSEHOLD_VERSION */
    uint16_t features_version;    /* WP_VEHICLE_VERSION the tables were made with */
    uint8_t hash[8];              /* of the artifact */
    const char *const *car_names; /* [n_cars] */
    const wp_household_car *cars; /* [n_cars + 1], the last: any other car */
    uint8_t n_cars;               /* 1 ... 8 */
    uint16_t power_now_permille;  /* in AC: weight of power now beside the usual, at most 1000 */
    uint16_t phases_cost;         /* of drawing from another number of phases */
    uint32_t set_within;          /* cost above the least at which a car is no longer possible */
    uint32_t unknown_above;       /* least cost at which the car is none of these, in AC */
    uint32_t confidence_multiplier; /* z = cost above the least * multiplier >> 8; 1024 halves the probability */
    uint16_t done_q10[WP_N_STAGES][3];   /* factors on estimates at 10, 50, 90 %; 1024 is 1 */
    uint16_t target_q10[WP_N_STAGES][3];
    int16_t done_plus_s[WP_N_STAGES][3]; /* and what is added then */
    int16_t target_plus_s[WP_N_STAGES][3];
    uint32_t dc_unknown_above;    /* as unknown_above, in DC */
    uint16_t dc_weight[3];        /* of a car of whose curve less than 5/8 flows, less than 7/8, more: 1 ... 16384 */
} wp_household_model;

/* Of one charge. All zero is not a valid state. */
typedef struct wp_household {
    uint8_t possible;  /* bit k: car k */
    bool direct;       /* DC */
    bool drawn;        /* ever */
    bool soc_risen;    /* since it was first told */
    uint16_t worst[WP_HOUSEHOLD_CARS_MAX]; /* largest z of plateau or power so far, sixteenths */
    int32_t pilot_ma;
    int32_t pilot_s;   /* elapsed when it last changed */
    int32_t most_ma;   /* largest current of a plateau under a limit that stood */
    int32_t drawing_s; /* elapsed when current last began to flow; WP_MISSING while none does */
    int32_t still_s;   /* elapsed when current last ceased; WP_MISSING while it flows */
    int32_t soc_pct;   /* the highest; WP_MISSING until told */
    int32_t soc_wh;    /* delivered when it was first told */
    int32_t target_pct;
    int32_t asked_wh;  /* WP_MISSING: none */
} wp_household;

typedef struct wp_household_answer {
    uint8_t car;      /* the likeliest of the possible; with WP_HOUSEHOLD_UNKNOWN the nearest of them */
    uint8_t possible; /* bit k: car k */
    uint8_t flags;    /* wp_household_flag */
    uint8_t phase;    /* wp_household_phase */
    uint8_t stage;    /* wp_household_stage */
    uint8_t active_phases; /* capability: 0 before any current */
    uint16_t confidence_permille;
    int32_t power_class_w;   /* least usual rating that holds the largest power so far; 0 before any current */
    int32_t done_s[3];       /* until the car ends the charge, at 10, 50, 90 % */
    int32_t target_s[3];     /* until the target or the end, whichever is first; -1: not known */
    int32_t energy_to_go_wh; /* until the end, at 50 % */
} wp_household_answer;

/* Whether the tables keep within the bounds above; WP_ERROR_MODEL. Once, before anything else. */
wp_status wp_household_check(const wp_household_model *model) WP_MUST_CHECK;

/* Before the first sample of a charge: every car is possible, the target is 80 %. */
void wp_household_init(wp_household *state, const wp_household_model *model);

/* What is wanted of this charge: a state of charge in % (1 ... 100) and an energy in Wh since the plug, either of them
 * 0 or less for none; with both, the energy counts. */
void wp_household_ask(wp_household *state, int32_t target_pct, int32_t energy_wh);

/* After each wp_vehicle_update, with the features wp_vehicle_read gives: takes and answers them. */
void wp_household_update(wp_household *state, const wp_household_model *model, const int32_t x[WP_N_VEHICLE_FEATURES],
                         wp_household_answer *answer);

#endif
