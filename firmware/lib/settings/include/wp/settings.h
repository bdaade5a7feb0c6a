/* wp/settings.h: what a board is told once and keeps: its sensor, its shunt, its calibration; at a charge point its meter,
 * and what advice may switch.
 *
 * Kept as a record with a CRC-32 in one of two pages of flash; a change goes to the other page. Whenever the power fails,
 * either the settings before the change or those after it are whole, and none are lost.
 */
#ifndef WP_SETTINGS_H
#define WP_SETTINGS_H

#include "wp/flash.h"
#include "wp/ina.h"
#include "wp/live.h"

/* The sensor a board has that was never told. */
#ifndef WP_SETTING_SENSOR
#define WP_SETTING_SENSOR WP_INA_NONE
#endif

/* A mean lasts at most half a period, so that each measurement finds a conversion that has ended since the one before. */
#define WP_AVERAGING_MAX_MS (WP_SAMPLE_PERIOD_MS / 2 < 500 ? WP_SAMPLE_PERIOD_MS / 2 : 500)

/* What fits the meter as it comes: address 1, 9600 baud. Rates are those of wp_settings_baud. */
#ifndef WP_SETTING_METER
#define WP_SETTING_METER 1
#endif
#define WP_SETTING_BAUDS 8
#define WP_METER_PERIOD_MAX_S 60

/* The one list of a firmware of their numbers on the wire and in flash: name, lowest, highest, value of a new board.
 * Append only: a number never changes its meaning within a profile. */
#if WP_PROFILE_EV
#define WP_SETTING_LIST(X)                                                                                             \
    X(METER, 0, 1, WP_SETTING_METER)                                                                                   \
    X(METER_ADDRESS, 1, 247, 1)                                                                                        \
    X(METER_BAUD, 0, WP_SETTING_BAUDS - 1, 3)                                                                          \
    X(PERIOD_S, 1, WP_METER_PERIOD_MAX_S, 5)                                                                           \
    X(ADVICE_WISHES, 0, 7, 0)                                                                                          \
    X(ADVICE_READY_IN_MIN, 0, 10080, 0)                                                                                \
    X(ADVICE_MOST_MA, 6000, 80000, 16000)
#else
#define WP_SETTING_LIST(X)                                                                                             \
    X(SENSOR, WP_INA_NONE, WP_INA226, WP_SETTING_SENSOR)                                                               \
    X(ADDRESS, WP_INA_ADDRESS_MIN, WP_INA_ADDRESS_MAX, WP_INA_ADDRESS_MIN)                                             \
    X(SHUNT_UOHM, 100, 10000000, 100000)                                                                               \
    X(CURRENT_GAIN_PPM, -200000, 200000, 0)                                                                            \
    X(CURRENT_OFFSET_UA, -1000000, 1000000, 0)                                                                         \
    X(VOLTAGE_GAIN_PPM, -200000, 200000, 0)                                                                            \
    X(VOLTAGE_OFFSET_UV, -1000000, 1000000, 0)                                                                         \
    X(AVERAGING_MS, 1, WP_AVERAGING_MAX_MS, WP_AVERAGING_MAX_MS < 100 ? WP_AVERAGING_MAX_MS : 100)
#endif

enum wp_setting_number {
#define WP_SETTING_ENUMERATOR(name, lowest, highest, initial) WP_SETTING_##name##_NUMBER,
    WP_SETTING_LIST(WP_SETTING_ENUMERATOR)
#undef WP_SETTING_ENUMERATOR
        WP_N_SETTINGS
};

typedef struct wp_settings {
    int32_t value[WP_N_SETTINGS];
} wp_settings;

/* Where the settings are kept. */
typedef struct wp_settings_store {
    const wp_flash *flash;
    bool found;          /* a page holds a whole record */
    uint8_t page;        /* which one */
    uint32_t generation; /* of that record; wraps */
} wp_settings_store;

/* The limits of one setting and the value of a new board. number < WP_N_SETTINGS. */
void wp_settings_limits(uint8_t number, int32_t *lowest, int32_t *highest, int32_t *initial);

/* Reads both pages and takes the newer whole record. Without one, and where a value is no longer allowed, a setting has
 * the value of a new board.
 *
 *   flash  must outlive the store */
void wp_settings_load(wp_settings_store *store, const wp_flash *flash, wp_settings *settings);

/* Writes the settings to the page that is not in use and reads them back. False: they were not kept, those before are. */
WP_MUST_CHECK bool wp_settings_save(wp_settings_store *store, const wp_settings *settings);

#if WP_PROFILE_EV
/* The first so many settings are the meter's: with another value of one the charge begins anew. */
#define WP_N_METER_SETTINGS 4

/* Baud of the meter's line: 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200. */
uint32_t wp_settings_baud(const wp_settings *settings);
#else
/* What a driver is told. Only for settings whose sensor is not WP_INA_NONE. */
wp_ina_config wp_settings_ina(const wp_settings *settings);
#endif

#endif
