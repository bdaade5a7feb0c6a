/* wp/ina.h: the current sensors INA219 and INA226 (Texas Instruments SBOS448 and SBOS547).
 *
 * Both measure the voltage across a shunt and that of the bus behind it, continuously, each value the mean of several
 * conversions. Current is worked out here from the shunt's voltage, in integers and to the last bit of the converter;
 * the chips' own current and power registers round more and stay unused.
 *
 * A measurement is believed when the chip answers, its configuration is still the one it was given, and a conversion has
 * ended since the one before. Everything else is a fault: wp_sensor_status.
 *
 *     static wp_ina ina;
 *     wp_ina_init(&ina, &bus, &config);
 *     wp_ina_measure(&ina, &reading);      once a second
 */
#ifndef WP_INA_H
#define WP_INA_H

#include "wp/i2c.h"
#include "wp/port.h"

/* Numbers on the wire and in flash. */
typedef enum wp_ina_kind { WP_INA_NONE = 0, WP_INA219 = 1, WP_INA226 = 2 } wp_ina_kind;

/* Where the addresses of both kinds lie, by their pins A0 and A1. */
#define WP_INA_ADDRESS_MIN 0x40
#define WP_INA_ADDRESS_MAX 0x4F

/* Beyond these voltages a chip is outside its rating: reported as saturated. */
#define WP_INA219_MAX_MV 26000
#define WP_INA226_MAX_MV 36000

typedef struct wp_ina_config {
    wp_ina_kind kind;           /* not WP_INA_NONE */
    uint8_t address;            /* 7 bits */
    int32_t shunt_uohm;         /* > 0 */
    int32_t averaging_ms;       /* a value is the mean over at most this; > 0. Measure no more often than that */
    int32_t current_gain_ppm;   /* current = measured + measured x gain / 10^6 + offset */
    int32_t current_offset_ua;
    int32_t voltage_gain_ppm;   /* the same for the voltage */
    int32_t voltage_offset_uv;
} wp_ina_config;

typedef struct wp_ina {
    const wp_i2c *bus;
    wp_ina_config config;
    uint16_t configuration; /* what its register has to hold */
    uint16_t looks_max;     /* at a chip that has just been configured, for its first conversion */
    bool configured;
} wp_ina;

/* Takes a bus and a configuration, which is copied; says nothing to the chip yet. */
void wp_ina_init(wp_ina *ina, const wp_i2c *bus, const wp_ina_config *config);

/* Largest current this configuration can measure, in mA. */
int32_t wp_ina_max_ma(const wp_ina_config *config);

/* Measures, and configures a chip that has not been, or has forgotten.
 *
 *   reading  WP_SENSOR_OK with values;
 *            WP_SENSOR_NO_ANSWER: no acknowledgement, a bus error, another chip than the configured one
 *            WP_SENSOR_SATURATED: the shunt's voltage is at the end of the scale, or the bus beyond the chip's rating
 *            WP_SENSOR_FROZEN: no conversion has ended since the measurement before
 *
 * Four or five transfers; the first after a configuration waits for a conversion. */
void wp_ina_measure(wp_ina *ina, wp_reading *reading);

#endif
