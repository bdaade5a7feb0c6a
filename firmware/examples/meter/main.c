/* Reads a charge point's energy meter once a second and says what it measures, and what wp/vehicle.h makes of it: to see
 * that the wires are right before anything else is built upon them.
 *
 *     WATTPRINT_METER=/dev/ttyUSB0 .pio/build/native_meter/program
 *
 * The same file runs on a board whose port has a line for a meter; docs/boards.md has the wires.
 */
#include <string.h>

#include "port.h"
#include "port_meter.h"
#include "wp/sdm.h"

#ifndef METER_UNIT
#define METER_UNIT WP_SDM_UNIT
#endif
#ifndef METER_BAUD
#define METER_BAUD WP_SDM_BAUD
#endif
#define POLL_US 5000u
#define PERIOD_US 1000000u

static void say(const char *text)
{
    port_write((const uint8_t *)text, strlen(text));
}

static void say_number(int32_t value, const char *unit)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    uint32_t rest = value < 0 ? 0u - (uint32_t)value : (uint32_t)value;
    digits[at] = '\0';
    do { /* at most ten */
        at--;
        digits[at] = (char)('0' + (char)(rest % 10u));
        rest /= 10u;
    } while (rest > 0);
    say(value == WP_MISSING ? " ?" : value < 0 ? " -" : " ");
    say(value == WP_MISSING ? "" : digits + at);
    say(unit);
}

static void show(const wp_meter_reading *reading, const wp_vehicle *vehicle)
{
    static const char *const phases[WP_N_PHASES] = {"L1", "  L2", "  L3"};
    int32_t x[WP_N_VEHICLE_FEATURES];
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        say(phases[k]);
        say_number(reading->voltage_mv[k], " mV");
        say_number(reading->current_ma[k], " mA");
        say_number(reading->power_w[k], " W");
        say_number(reading->power_factor_permille[k], " permille");
    }
    say("  meter");
    say_number(reading->energy_wh, " Wh");
    say_number(reading->frequency_mhz, " mHz");
    wp_vehicle_read(vehicle, x);
    say("  vehicle");
    say_number(x[WP_VEHICLE_ACTIVE_PHASES], " phases");
    say_number(x[WP_VEHICLE_PLATEAU_MA], " mA plateau");
    say_number(x[WP_VEHICLE_ENERGY_WH], " Wh\n");
}

static void take(const wp_meter_reading *reading, wp_vehicle *vehicle)
{
    static const char *const faults[] = {
        [WP_METER_NO_ANSWER] = "no answer: supply, wires A and B, address, baud rate, parity\n",
        [WP_METER_DAMAGED] = "damaged replies: termination, noise, or two meters on one address\n",
        [WP_METER_REFUSED] = "refused: another kind of meter\n",
        [WP_METER_OUT_OF_RANGE] = "a value that cannot be\n",
        [WP_METER_FROZEN] = "the meter answers and measures no more\n"};
    wp_vehicle_sample sample;
    if (!wp_meter_sample(reading, port_clock_us() / 1000u, &sample)) {
        say("meter: ");
        say(faults[reading->status]);
    } else if (wp_vehicle_update(vehicle, &sample) == WP_OK) {
        show(reading, vehicle);
    }
}

int main(int argc, char *argv[])
{
    static wp_sdm sdm;
    static wp_vehicle vehicle;
    static const wp_modbus_config config = {
        .baud = METER_BAUD, .timeout_us = WP_SDM_TIMEOUT_US, .unit = METER_UNIT, .retries = WP_SDM_RETRIES};
    uint8_t typed[8];
    size_t n_typed;
    const int exit_code = port_init(argc, argv);
    if (exit_code != 0) {
        return exit_code;
    }
    const wp_serial *line = port_meter_line(METER_BAUD);
    if (line == NULL) {
        say("this board has no line for a meter\n");
        return 3;
    }
    wp_sdm_init(&sdm, line, &config);
    wp_vehicle_init(&vehicle);
    const wp_meter meter = wp_sdm_meter(&sdm);
    uint32_t asked_us = port_clock_us() - PERIOD_US;
    while (port_read(POLL_US, typed, sizeof typed, &n_typed)) { /* for ever, or until the board's own line ends */
        wp_meter_reading reading;
        port_watchdog_kick();
        if (port_clock_us() - asked_us >= PERIOD_US && meter.begin(meter.context, port_clock_us())) {
            asked_us = port_clock_us();
        }
        if (meter.poll(meter.context, port_clock_us(), &reading)) {
            take(&reading, &vehicle);
        }
    }
    return 0;
}
