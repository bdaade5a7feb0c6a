/* wp/health.h: how much a battery still holds, as one number with an interval, from its charges.
 *
 * What `python -m train health fit` learns of one kind of battery, in integers and O(1) memory: by the tail of a charge
 * that ended by itself, or by marks, where the state of charge is told. docs/health.md has the methods, and how far this
 * is from them; `python -m codegen health` writes the tables. No answer is a diagnosis: what is unlike everything learnt
 * from is flagged, and not given a number.
 *
 *     wp_health_begin(&charge);                                      plugged in
 *     wp_health_update(&charge, &model, &sample);                    each sample
 *     flag = wp_health_read(&charge, &model, WP_MISSING, &reading);  it has ended by itself
 *     wp_health_take(&trend, flag, &reading, &answer);               trend: of this unit, kept from charge to charge
 *
 * and for marks wp_health_marks_begin, _update and _read in their place.
 */
#ifndef WP_HEALTH_H
#define WP_HEALTH_H

#include "wp/types.h"

/* Raised whenever the tables or the rules change: generated models name it. */
#define WP_HEALTH_VERSION 1

/* A step between two samples counts as no more than this. */
#define WP_HEALTH_STEP_MAX_MS 3600000

typedef enum wp_health_flag {
    WP_HEALTH_OK = 0,
    WP_HEALTH_NO_WHOLE_TAIL = 1,  /* no number: the current was not seen to fall from half of the plateau to its end */
    WP_HEALTH_TEMPERATURE = 2,    /* no number: the room was below 10 or above 35 degrees Celsius */
    WP_HEALTH_OUT_OF_FAMILY = 3,  /* no number: unlike every battery learnt from (anomaly) */
    WP_HEALTH_JUMP = 4,           /* a number out of line with this unit's others (anomaly) */
    WP_HEALTH_NO_MARKS = 5,       /* no number: the state of charge was not seen to move twice, or not learnt here */
    WP_HEALTH_SHORT_SPAN = 6      /* no number: less than 20 % was charged between the marks */
} wp_health_flag;

/* One regression: log(health) is linear in three inputs. Inputs are the voltage below the limit, in 1/256 mV, and the
 * logarithms of charge and of the tail's charge in mAh, x 2^24. */
typedef struct wp_health_family {
    int32_t centre[3];
    int32_t weight_q28[3];     /* of log(health) for a mV, and for 1 of a logarithm */
    int32_t base_q28;
    int32_t spread[6];         /* upper triangle by rows: its square is the inverse covariance */
    uint8_t spread_shift[2];   /* of the first column and of the others: z x 4096 = (spread x away) >> shift, 0 ... 62 */
    uint32_t unit_var_q32;     /* variances of log(health): what all charges of a unit are off by */
    uint32_t charge_var_q32;   /* and one besides */
} wp_health_family;

typedef struct wp_health_model {
    uint16_t abi; /* WP_HEALTH_VERSION */
    const char *device;
    int32_t rated_mah;
    int32_t tail_ua;              /* the tail begins below this */
    int32_t end_ua;               /* and ends below this, which is less */
    wp_health_family family[2];   /* charges from empty, and those that begin later */
    uint32_t step_var_q32;        /* of log(health) between two charges of a unit */
} wp_health_model;

/* Of one charge. All zero is not a valid state. */
typedef struct wp_health_charge {
    bool begun;
    bool settled;     /* a sample beyond the first minute has been seen */
    uint8_t crossed;  /* 0: none, 1: into the tail, 2: its end too, 3: it began below */
    uint32_t t_ms;
    uint32_t elapsed_ms; /* saturates */
    int32_t current_ma;
    int32_t settled_mv;
    int32_t settled_ma;
    int32_t highest_mv;  /* while nine tenths of settled_ma or more flow */
    int64_t put_in;      /* in mA x ms / 2, as the next two */
    int64_t at_tail;
    int64_t at_end;
} wp_health_charge;

/* What is learnt by marks: log(health) = log(energy for a whole charge / rated) - lost. */
typedef struct wp_health_marks_model {
    uint16_t abi; /* WP_HEALTH_VERSION */
    const char *device;
    int32_t rated_wh;
    bool learnt[2];       /* AC, DC */
    int32_t lost_q28[2];  /* log of what is drawn for each Wh stored */
    uint32_t unit_var_q32;
    uint32_t charge_var_q32;
    uint32_t step_var_q32;
} wp_health_marks_model;

/* Of one charge. All zero is not a valid state. */
typedef struct wp_health_marks {
    bool begun;
    uint8_t n_moves;       /* saturates at 2 */
    int32_t soc_pct;       /* the highest told */
    int32_t energy_wh;     /* at the latest sample */
    int32_t first_pct;     /* at the first move, and at the latest: */
    int32_t first_2wh;     /* sum of the energies at its sample and the one before */
    int32_t first_step_wh; /* and their difference */
    int32_t last_pct;
    int32_t last_2wh;
    int32_t last_step_wh;
} wp_health_marks;

typedef struct wp_health_reading {
    uint8_t family;          /* by the tail 0: from empty, 1: later; by marks 0: AC, 1: DC */
    int32_t log_q28;         /* of health, 0 is as new */
    uint32_t unit_var_q32;   /* variances of it: what all charges of a unit are off by, this one besides, and how much */
    uint32_t charge_var_q32; /* it changes between two charges */
    uint32_t step_var_q32;
} wp_health_reading;

/* Of one unit; all zero: nothing is known yet. A board that wants it to outlive its supply keeps these bytes. */
typedef struct wp_health_trend {
    uint32_t n;       /* charges; saturates */
    int32_t log_q28;
    int64_t var_q32;
    uint32_t unit_var_q32; /* of the latest charge read */
} wp_health_trend;

typedef struct wp_health_answer {
    wp_health_flag flag;
    bool out_of_family;      /* or a jump: an anomaly */
    int32_t charge_permille; /* of the rated capacity, this charge alone; -1 without a number */
    int32_t soh_permille;    /* all of the unit's so far; -1 while there are none */
    int32_t low_permille;    /* 10 and 90 % of it */
    int32_t high_permille;
} wp_health_answer;

/* Whether the tables can be used; WP_ERROR_MODEL. */
wp_status wp_health_check(const wp_health_model *model) WP_MUST_CHECK;

/* Before the first sample of a charge. */
void wp_health_begin(wp_health_charge *charge);

/* Takes a sample, voltage and current as they are at the charger's output. WP_ERROR_TIME, and nothing changes, where
 * t_ms does not lie after the one before or lies 2^31 ms or more after it. */
wp_status wp_health_update(wp_health_charge *charge, const wp_health_model *model, const wp_sample *sample)
    WP_MUST_CHECK;

/* Reads the charge so far, at any time; after its end.
 *
 *   ambient_decidegc  the room's, or WP_MISSING
 *   reading           written with WP_HEALTH_OK only */
wp_health_flag wp_health_read(const wp_health_charge *charge, const wp_health_model *model, int32_t ambient_decidegc,
                              wp_health_reading *reading);

/* As wp_health_check. */
wp_status wp_health_marks_check(const wp_health_marks_model *model) WP_MUST_CHECK;

/* Before the first sample of a charge. */
void wp_health_marks_begin(wp_health_marks *marks);

/* Takes a sample whose state of charge is told; leave others out.
 *
 *   energy_wh  delivered so far: the meter's, or the vehicle's feature energy_wh; limited to 0 ... 10^9
 *   soc_pct    0 ... 100, whole; another is left out */
void wp_health_marks_update(wp_health_marks *marks, int32_t energy_wh, int32_t soc_pct);

/* Reads the charge so far, as wp_health_read.
 *
 *   direct  DC */
wp_health_flag wp_health_marks_read(const wp_health_marks *marks, const wp_health_marks_model *model, bool direct,
                                    int32_t ambient_decidegc, wp_health_reading *reading);

/* Takes a reading into the unit's trend, and answers; with another flag than WP_HEALTH_OK the reading is not looked at,
 * and the trend stays as it is. */
void wp_health_take(wp_health_trend *trend, wp_health_flag flag, const wp_health_reading *reading,
                    wp_health_answer *answer);

#endif
