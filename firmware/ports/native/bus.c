#include "bus.h"

#include <string.h>

#define UA_PER_MA 1000
#define UV_PER_MV 1000
#define BEYOND_UA 2000000000 /* more than any shunt's range */
#define BACK_UA (-1000000)   /* a current that cannot be: a shunt the wrong way round */

bool bus_init(native_bus *bus, const char *name)
{
    const bool is_226 = strcmp(name, "ina226") == 0;
    if (!is_226 && strcmp(name, "ina219") != 0) {
        return false;
    }
    ina_simulator_init(&bus->chip, is_226, BUS_ADDRESS, BUS_SHUNT_UOHM);
    bus->played = false;
    return true;
}

/* What flows now, and what is wrong with the chip: a fault of the player becomes what makes it. */
static void flow(native_bus *bus, native_player *player, uint64_t now_us)
{
    wp_reading reading;
    player_measure(player, now_us, &reading);
    const wp_sensor_status fault = player_fault_at(player, now_us);
    bus->chip.faults = 0;
    if (fault == WP_SENSOR_NO_ANSWER || (fault == WP_SENSOR_OK && reading.status == WP_SENSOR_NO_ANSWER)) {
        bus->chip.faults = INA_FAULT_STUCK;
    } else if (fault == WP_SENSOR_FROZEN) {
        bus->chip.faults = INA_FAULT_FROZEN;
    } else {
        bus->chip.voltage_uv = reading.voltage_mv * UV_PER_MV;
        bus->chip.current_ua = reading.current_ma * UA_PER_MA;
    }
    if (fault == WP_SENSOR_SATURATED) {
        bus->chip.current_ua = BEYOND_UA;
    } else if (fault == WP_SENSOR_OUT_OF_RANGE) {
        bus->chip.voltage_uv = 0;
        bus->chip.current_ua = BACK_UA;
    }
}

wp_i2c_status bus_transfer(native_bus *bus, native_player *player, uint64_t now_us, uint8_t address, const uint8_t *out,
                           size_t n_out, uint8_t *in, size_t n_in)
{
    if (!bus->played || now_us != bus->at_us) {
        bus->played = true;
        bus->at_us = now_us;
        flow(bus, player, now_us);
    }
    const wp_i2c wires = ina_simulator_bus(&bus->chip);
    return wires.transfer(wires.context, address, out, n_out, in, n_in);
}
