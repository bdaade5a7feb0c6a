/* ina_private.h: what sets the two chips apart. Private to the driver. */
#ifndef WP_INA_PRIVATE_H
#define WP_INA_PRIVATE_H

#include "wp/ina.h"

typedef struct ina_values {
    int16_t shunt;  /* as in the register */
    uint16_t bus;   /* in steps of bus_step_uv */
    bool converted; /* a conversion has ended since the look before */
} ina_values;

typedef struct ina_chip {
    int32_t shunt_step_nv;
    int32_t bus_step_uv;
    int16_t shunt_min; /* at or beyond these the shunt's voltage is at the end of the scale */
    int16_t shunt_max;
    int32_t max_mv;

    /* The configuration register for so many conversions in a mean, the largest that takes at most averaging_us. */
    uint16_t (*configuration)(int32_t averaging_us, int32_t *taken_us);

    /* Whether it is that chip, as far as it tells. */
    bool (*is_it)(const wp_ina *ina);

    /* Reads one pair of values, and forgets that they were ready. False: no answer. */
    bool (*read)(const wp_ina *ina, ina_values *values);
} ina_chip;

extern const ina_chip wp_ina219_chip;
extern const ina_chip wp_ina226_chip;

#define INA_REGISTER_CONFIGURATION 0x00u
#define INA_REGISTER_SHUNT 0x01u
#define INA_REGISTER_BUS 0x02u

bool wp_ina_read_register(const wp_ina *ina, uint8_t number, uint16_t *value);

#endif
