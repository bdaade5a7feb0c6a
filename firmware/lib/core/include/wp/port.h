/* wp/port.h: all that the core asks of a board. No defaults: wp_board_init refuses a port that leaves something out, and
 * what a board does not have it has to say.
 */
#ifndef WP_PORT_H
#define WP_PORT_H

#include "wp/types.h"

/* A number that a board cannot tell, on the wire too. */
#define WP_NOT_KNOWN 0xFFFFFFFFu

/* Why the board started. Announced in the hello, so that a reset in mid-charge is seen. */
typedef enum wp_boot { WP_BOOT_POWER = 0, WP_BOOT_RESET = 1, WP_BOOT_WATCHDOG = 2, WP_BOOT_BROWNOUT = 3 } wp_boot;

/* Whether there is a sensor. 0 is a port that forgot to say. */
typedef enum wp_sensor { WP_SENSOR_ABSENT = 1, WP_SENSOR_PRESENT = 2 } wp_sensor;

/* What became of a measurement. The faults' numbers are those of docs/wire.md. */
typedef enum wp_sensor_status {
    WP_SENSOR_OK = 0,
    WP_SENSOR_NO_ANSWER = 1,   /* no answer, or a bus error */
    WP_SENSOR_SATURATED = 2,   /* at the end of the converter's scale: the true value lies beyond */
    WP_SENSOR_FROZEN = 3,      /* found by the core, wp/live.h; a driver may know earlier */
    WP_SENSOR_OUT_OF_RANGE = 4, /* a value that cannot be: found by the core, or by a driver */
    WP_SENSOR_DAMAGED = 5,      /* a meter: bytes came, and no whole reply among them */
    WP_SENSOR_REFUSED = 6       /* a meter: it does not have what was asked for, it is another kind */
} wp_sensor_status;

/* One measurement. With another status than WP_SENSOR_OK the rest is not read. */
typedef struct wp_reading {
    wp_sensor_status status;
    int32_t voltage_mv;
    int32_t current_ma; /* positive into the device */
    uint32_t raw;       /* the converter's own bits, both channels: their least ones move when mV and mA stand still */
} wp_reading;

/* One of a board's settings, docs/wire.md: lowest <= value <= highest. */
typedef struct wp_setting {
    int32_t value;
    int32_t lowest;
    int32_t highest;
} wp_setting;

#if WP_METER
struct wp_sdm;
struct wp_vehicle_reading;

/* What advice may switch at a charge point, docs/advice.md. All zero: nothing. */
typedef struct wp_charge_control {
    /* Tells the charger's own control. NULL: there is nobody to tell. */
    void (*enable)(void *context, bool on, int32_t limit_ma);
    uint8_t wishes;     /* wp/advice.h */
    int32_t most_ma;    /* the highest current to ask for; 0: as wp_advice_defaults says */
    int32_t ready_in_s; /* from the plug; 0: no time is wished */
} wp_charge_control;
#endif

typedef struct wp_port {
    void *context; /* handed to every call */

    /* Sends all n bytes, in order. The only call that may wait. */
    void (*write)(void *context, const uint8_t *bytes, size_t n);

    /* Free-running microseconds, wrap at 2^32. */
    uint32_t (*clock_us)(void *context);

    /* The finest counter there is, for the time of an answer; wraps at 2^32.
     * ticks_per_s is its rate; 0: a tick is one executed instruction. */
    uint32_t (*ticks)(void *context);
    uint32_t ticks_per_s;

#if WP_METER
    /* The charge point's meter: live mode begins, and lends the memory for its driver until it ends; begins a reading,
     * none being under way; goes on with it, true once a reading, when it has ended. None waits. All NULL when the sensor,
     * which here is the meter, is absent. */
    void (*start)(void *context, struct wp_sdm *meter);
    void (*begin)(void *context);
    bool (*poll)(void *context, struct wp_vehicle_reading *reading);
    uint32_t period_ms; /* from reading to reading; not read without a meter */
    wp_charge_control control;
#else
    /* The latest conversion. NULL when the sensor is absent. At most a few ms, the first as long as a conversion. */
    void (*measure)(void *context, wp_reading *reading);
#endif
    wp_sensor sensor;

    /* Deepest stack so far, or WP_NOT_KNOWN. */
    uint32_t (*stack_bytes)(void *context);

    /* Settings 0 .. n_settings - 1; both NULL when n_settings is 0, on a board that keeps none.
     * set_setting gets values within the limits only, and returns when the change is kept and in force: then `measure`
     * and `sensor` may be others. False: nothing has changed. */
    uint8_t n_settings;
#if WP_METER
    uint8_t n_meter_settings; /* the first so many are the meter's: a change of one begins the charge anew */
#endif
    void (*get_setting)(void *context, uint8_t number, wp_setting *setting);
    bool (*set_setting)(void *context, uint8_t number, int32_t value);

    wp_boot boot;
} wp_port;

/* WP_OK, or WP_ERROR_PORT when something is left out or contradicts. */
WP_MUST_CHECK wp_status wp_port_check(const wp_port *port);

#endif
