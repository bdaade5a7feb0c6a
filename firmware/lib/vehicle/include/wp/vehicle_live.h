/* wp/vehicle_live.h: when to read a charge point's meter, when a charge begins and ends, and whether the meter is to be
 * believed. What wp/live.h is at a charger's output.
 *
 * Readings go in, one a period, as they end; what has happened comes out: a plug, samples, an unplug, a fault. Knows
 * nothing of lines, meters or models; the board's loop sends what comes out.
 *
 * Where the charge point tells whether a vehicle is there, that is when a charge begins and ends. Where it does not,
 * plugged in is what draws current, and the vehicle has left when it has drawn none for long: a meter shows no more.
 */
#ifndef WP_VEHICLE_LIVE_H
#define WP_VEHICLE_LIVE_H

#include "wp/live.h"
#include "wp/vehicle.h"

/* A current that means "plugged in", and below which none is drawn: that of wp/vehicle.h. */
#define WP_VEHICLE_PLUG_MA 1000

/* No current for so long ends a charge where nobody tells whether the vehicle is there, unless the pilot forbids any: a
 * pause that the charge point itself makes. */
#ifndef WP_VEHICLE_QUIET_MS
#define WP_VEHICLE_QUIET_MS 1800000
#endif

/* Below this pilot no current is allowed (IEC 61851: 6 A is the least). */
#define WP_VEHICLE_PILOT_MIN_DA 60

/* A time without a reading after which the charge is another one: as long as wp/vehicle.h integrates over. */
#ifndef WP_VEHICLE_UNOBSERVED_MS
#define WP_VEHICLE_UNOBSERVED_MS 300000
#endif

/* How often a reading under way is looked after. */
#define WP_VEHICLE_POLL_US 5000u

/* Whether a vehicle is plugged in. */
typedef enum wp_vehicle_there { WP_VEHICLE_NOT_TOLD = 0, WP_VEHICLE_ABSENT = 1, WP_VEHICLE_PRESENT = 2 } wp_vehicle_there;

/* A sample of a board's own. */
typedef struct wp_vehicle_measurement {
    wp_vehicle_sample sample;
    int32_t power_factor_permille; /* active by apparent power of all phases; WP_MISSING where not measured */
} wp_vehicle_measurement;

/* One reading. With another status than WP_SENSOR_OK the rest is not read. */
typedef struct wp_vehicle_reading {
    wp_sensor_status status;
    wp_vehicle_there there;
    wp_vehicle_measurement measured; /* t_ms is not read */
} wp_vehicle_reading;

typedef struct wp_vehicle_live {
    uint32_t clock_us; /* of the latest wp_vehicle_live_advance */
    uint32_t rest_us;  /* 0..999, beyond now_ms */
    uint32_t now_ms;   /* since wp_vehicle_live_init; wraps after 49 days, differences stay right */
    uint32_t due_ms;   /* the next reading */
    uint32_t seen_ms;  /* the latest reading without fault */
    uint32_t drawn_ms; /* the latest reading with current, or with a pilot that forbids any */
    uint32_t begin_ms; /* of the charge: its first sample */
    uint8_t fault;     /* wp_sensor_status in force */
    bool plugged;
    bool has_before;   /* not plugged in: samples[0] is the latest reading, without fault and current */
    wp_vehicle_measurement samples[2];
} wp_vehicle_live;

/* What a reading has brought about. */
typedef struct wp_vehicle_live_step {
    uint8_t events;                        /* WP_LIVE_..., in the order of their bits */
    uint8_t n_samples;                     /* 0..2, the charge's next */
    const wp_vehicle_measurement *samples; /* [n_samples], t_ms from 0 in each charge; until the next call */
} wp_vehicle_live_step;

/* Begins with nothing plugged in, a reading due at once. */
void wp_vehicle_live_init(wp_vehicle_live *live, uint32_t now_us);

/* Brings the time up to the clock. At least once in 71 minutes, when the clock wraps. */
void wp_vehicle_live_advance(wp_vehicle_live *live, uint32_t now_us);

/* Whether it is time to begin a reading; if so, the next is due a period later. */
bool wp_vehicle_live_begins(wp_vehicle_live *live, uint32_t period_ms);

/* Microseconds until it is; 0 when it is. */
uint32_t wp_vehicle_live_wait_us(const wp_vehicle_live *live);

/* Takes a reading that has just ended. */
wp_vehicle_live_step wp_vehicle_live_take(wp_vehicle_live *live, const wp_vehicle_reading *reading);

#endif
