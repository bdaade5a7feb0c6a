/* bus.h: the native board's I2C bus: a simulated INA219 or INA226 through whose shunt flows what recordings say. */
#ifndef NATIVE_BUS_H
#define NATIVE_BUS_H

#include "ina_simulator.h"
#include "player.h"

#define BUS_ADDRESS 0x40u
#define BUS_SHUNT_UOHM 10000

typedef struct native_bus {
    ina_simulator chip;
    uint64_t at_us; /* of the board's clock: what flows is that of this time */
    bool played;
} native_bus;

/* A bus with that chip, "ina219" or "ina226". False for any other. */
bool bus_init(native_bus *bus, const char *name);

/* One transfer at that time of the board's clock. */
wp_i2c_status bus_transfer(native_bus *bus, native_player *player, uint64_t now_us, uint8_t address, const uint8_t *out,
                           size_t n_out, uint8_t *in, size_t n_in);

#endif
