/* wp/meter.h: the energy meter of a charge point: what a driver offers, whatever the meter and its line.
 *
 * A reading takes a while, so it is begun and then asked for; nothing waits. A board without a meter has no table: NULL.
 *
 *     if (meter != NULL && second_has_passed) {
 *         (void)meter->begin(meter->context, now_us);
 *     }
 *     if (meter != NULL && meter->poll(meter->context, now_us, &reading) && wp_meter_sample(&reading, t_ms, &sample)) {
 *         status = wp_vehicle_update(&vehicle, &sample);
 *     }
 */
#ifndef WP_METER_H
#define WP_METER_H

#include "wp/vehicle.h"

/* Below this no power factor is told: it is the phase's noise. */
#define WP_METER_POWER_FACTOR_MIN_MA 250

/* So many readings in a row with the same bits, while 1000 mA or more flow, are no measurements. */
#define WP_METER_SAME_MAX 60

typedef enum wp_meter_status {
    WP_METER_OK = 0,
    WP_METER_NO_ANSWER = 1,    /* nothing came back: no supply, a wire, another baud rate, address or parity */
    WP_METER_DAMAGED = 2,      /* something came back, and no whole reply: two on one address, no termination, noise */
    WP_METER_REFUSED = 3,      /* the meter does not have these registers: another kind */
    WP_METER_OUT_OF_RANGE = 4, /* a value that is no number, or cannot be */
    WP_METER_FROZEN = 5        /* it answers, and measures no more */
} wp_meter_status;

/* One reading. With another status than WP_METER_OK the rest is not read. */
typedef struct wp_meter_reading {
    wp_meter_status status;
    int32_t voltage_mv[WP_N_PHASES]; /* to neutral */
    int32_t current_ma[WP_N_PHASES]; /* rms; negative where the phase gives back, by its power's sign */
    int32_t power_w[WP_N_PHASES];    /* active; positive into the vehicle */
    int32_t power_factor_permille[WP_N_PHASES]; /* active by apparent power, -1000 ... 1000, its sign the power's;
                                                 * WP_MISSING below WP_METER_POWER_FACTOR_MIN_MA or not measured */
    int32_t frequency_mhz;
    int32_t energy_wh; /* into the vehicle, since the meter was made */
} wp_meter_reading;

typedef struct wp_meter {
    void *context; /* handed to every call */

    /* Begins a reading. False while one is on its way: nothing changes. */
    bool (*begin)(void *context, uint32_t now_us);

    /* Goes on with it; call it every few ms. True once a reading, when it has ended: then `reading` is written. */
    bool (*poll)(void *context, uint32_t now_us, wp_meter_reading *reading);
} wp_meter;

/* Makes a sample of a reading, with no pilot and no state of charge: the caller adds what it knows. False, and nothing is
 * written, for a reading with a fault. */
bool wp_meter_sample(const wp_meter_reading *reading, uint32_t t_ms, wp_vehicle_sample *sample) WP_MUST_CHECK;

/* Active power of the three phases. */
int32_t wp_meter_power_w(const wp_meter_reading *reading);

/* Active by apparent power of the phases that carry WP_METER_POWER_FACTOR_MIN_MA, in permille to nearest, its sign the
 * power's, within -1000 ... 1000; WP_MISSING where none does, or without voltage. */
int32_t wp_meter_power_factor_permille(const wp_meter_reading *reading);

#endif
