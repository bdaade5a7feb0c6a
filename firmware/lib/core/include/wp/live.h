/* wp/live.h: when to measure, when a charge begins and ends, and whether the sensor is to be believed.
 *
 * Readings go in, one a period; what has happened comes out: a plug, samples, an unplug, a fault. Knows nothing of lines
 * or models; wp/board.h sends what comes out.
 *
 * Plugged in is what draws current. A port may hold 5 V with nothing in it, so voltage alone says nothing; but without
 * voltage and current there is nobody. Times count readings: what nobody has measured decides nothing, until it has
 * lasted for WP_UNOBSERVED_MAX_MS.
 */
#ifndef WP_LIVE_H
#define WP_LIVE_H

#include "wp/port.h"

/* From measurement to measurement. The model is trained at one a second. */
#ifndef WP_SAMPLE_PERIOD_MS
#define WP_SAMPLE_PERIOD_MS 1000
#endif
_Static_assert(WP_SAMPLE_PERIOD_MS >= 10 && WP_SAMPLE_PERIOD_MS <= 60000, "the period lies between 10 ms and a minute");

/* A current that means "plugged in": above any sensor's offset, below the least a device begins with. */
#ifndef WP_PLUG_MA
#define WP_PLUG_MA 25
#endif

/* A lower one means "quiet". Above the sensor's offset (a few mA), below the 30 to 60 mA at which small devices end. */
#ifndef WP_UNPLUG_MA
#define WP_UNPLUG_MA 10
#endif
_Static_assert(WP_UNPLUG_MA >= 1 && WP_PLUG_MA >= WP_UNPLUG_MA, "plug and unplug need a distance, not an overlap");

/* A lower voltage means "switched off": USB-C without a device has less than 0.8 V, an open contactor none. */
#ifndef WP_UNPLUG_MV
#define WP_UNPLUG_MV 1000
#endif

/* So many of the latest WP_PLUG_WINDOW readings of WP_PLUG_MA or more begin a charge, with the oldest of them and what
 * was not quiet right before it: how a device starts tells which it is. Not in a row: it may draw in bursts. */
#define WP_PLUG_WINDOW 8
#ifndef WP_PLUG_READINGS
#define WP_PLUG_READINGS 3
#endif
_Static_assert(WP_PLUG_READINGS >= 1 && WP_PLUG_READINGS <= WP_PLUG_WINDOW, "a plug is found within the window");

/* Readings in a row that end a charge: quiet without voltage; quiet; quiet at the end of a charge, where a full device
 * rests: its phase needs some 3 minutes to become "full". A burst within that time keeps the charge going. */
#ifndef WP_UNPLUG_OFF_READINGS
#define WP_UNPLUG_OFF_READINGS 3
#endif
#ifndef WP_UNPLUG_READINGS
#define WP_UNPLUG_READINGS 15
#endif
#ifndef WP_UNPLUG_REST_READINGS
#define WP_UNPLUG_REST_READINGS 240
#endif
_Static_assert(WP_UNPLUG_OFF_READINGS >= 1 && WP_UNPLUG_READINGS >= WP_UNPLUG_OFF_READINGS &&
                   WP_UNPLUG_REST_READINGS >= WP_UNPLUG_READINGS && WP_UNPLUG_REST_READINGS < UINT16_MAX,
               "the surer the sign, the shorter the wait");

/* A time without a measurement, by a fault or a board that was busy, after which the charge is another one. */
#ifndef WP_UNOBSERVED_MAX_MS
#define WP_UNOBSERVED_MAX_MS 60000
#endif
_Static_assert(WP_UNOBSERVED_MAX_MS >= 2 * WP_SAMPLE_PERIOD_MS, "one lost measurement is no gap");

/* So many readings in a row whose bits equal the one before, while current flows, are a sensor that stands still. */
#ifndef WP_FROZEN_READINGS
#define WP_FROZEN_READINGS 60
#endif
_Static_assert(WP_FROZEN_READINGS >= 2 && WP_FROZEN_READINGS < UINT16_MAX, "counted in 16 bits");

/* What can be at a charger's output; beyond it the reading is a fault. Charges only: a current that flows back is a
 * shunt wired the wrong way round. */
#ifndef WP_READING_MIN_MV
#define WP_READING_MIN_MV (-1000)
#endif
#ifndef WP_READING_MIN_MA
#define WP_READING_MIN_MA (-200)
#endif
#define WP_READING_MAX_MV WP_VOLTAGE_MAX_MV
#define WP_READING_MAX_MA WP_CURRENT_MAX_MA

typedef struct wp_live {
    uint32_t clock_us; /* of the latest wp_live_advance */
    uint32_t rest_us;  /* 0..999, beyond now_ms */
    uint32_t now_ms;   /* since wp_live_init; wraps after 49 days, differences stay right */
    uint32_t due_ms;   /* the next measurement */
    uint32_t seen_ms;  /* the latest measurement without fault */
    uint32_t begin_ms; /* of the charge: its first sample */
    uint32_t raw;      /* bits of the latest reading */
    uint16_t n_same;   /* readings in a row with the same bits, while current flows */
    uint16_t n_quiet;  /* readings in a row without current */
    uint16_t n_off;    /* and without voltage */
    uint8_t n_window;
    uint8_t fault; /* wp_sensor_status in force */
    bool plugged;
    wp_sample window[WP_PLUG_WINDOW]; /* unplugged: the latest readings, t_ms = now_ms */
} wp_live;

/* What a reading has brought about, in the order of these bits. */
enum {
    WP_LIVE_FAULT = 0x01,  /* the sensor is at fault, or in another way than before: wp_live.fault */
    WP_LIVE_WELL = 0x02,   /* it is well again */
    WP_LIVE_UNPLUG = 0x04, /* the charge has ended */
    WP_LIVE_PLUG = 0x08    /* a charge begins with samples[0] */
};

typedef struct wp_live_step {
    uint8_t events;
    uint8_t n_samples;        /* 0..WP_PLUG_WINDOW, the charge's next */
    const wp_sample *samples; /* [n_samples], t_ms from 0 in each charge; until the next call */
} wp_live_step;

/* Begins with nothing plugged in, a measurement due at once. */
void wp_live_init(wp_live *live, uint32_t now_us);

/* Brings the time up to the clock. At least once in 71 minutes, when the clock wraps. */
void wp_live_advance(wp_live *live, uint32_t now_us);

/* Whether it is time to measure; then wp_live_take must follow. */
bool wp_live_is_due(const wp_live *live);

/* Microseconds until it is; 0 when it is. */
uint32_t wp_live_wait_us(const wp_live *live);

/* Takes a reading of now. At most WP_PLUG_WINDOW samples come out, when a plug is found; one or none otherwise.
 *
 *   tapered  whether the charge has come down to a small part of its largest current, so that quiet means rest */
wp_live_step wp_live_take(wp_live *live, const wp_reading *reading, bool tapered);

#endif
