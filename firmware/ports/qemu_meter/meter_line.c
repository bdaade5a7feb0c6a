/* A simulated meter on QEMU's machines, to try a charge point's live mode there: a car on three phases plugs in after 20 s,
 * draws 16 A from 30 s on, 10 A after two minutes, when the pilot falls, nothing after four, and leaves after five. Its
 * meter does not answer from 60 to 70 s.
 */
#include "meter_simulator.h"
#include "port.h"
#include "port_meter.h"

#define S 1000000u

enum { VOLTS = 0, AMPERES = 3, WATTS = 6, VAR = 12, FACTOR = 15, HZ = 35, KWH = 36 };

static meter_simulator meter;
static uint32_t n_looks;

static bool within(uint32_t now_us, uint32_t from_s, uint32_t to_s)
{
    return now_us >= from_s * S && now_us < to_s * S;
}

static int64_t flowing_ma(uint32_t now_us)
{
    return within(now_us, 30, 120) ? 15800 : within(now_us, 120, 240) ? 9900 : 0;
}

static void look(uint32_t now_us)
{
    const int64_t current_ma = flowing_ma(now_us);
    for (uint32_t k = 0; k < 3; k++) {
        meter_simulator_set(&meter, VOLTS + k, 230000 + k);
        meter_simulator_set(&meter, AMPERES + k, current_ma);
        meter_simulator_set(&meter, WATTS + k, current_ma * 229);
        meter_simulator_set(&meter, VAR + k, n_looks % 97u); /* its least bits never rest */
        meter_simulator_set(&meter, FACTOR + k, 996);
    }
    meter_simulator_set(&meter, HZ, 50000);
    meter_simulator_set(&meter, KWH, 1234567 + now_us / (2 * S));
    meter.faults = within(now_us, 60, 70) ? METER_FAULT_ABSENT : 0;
    n_looks++;
}

static size_t read_line(void *context, uint8_t *bytes, size_t size)
{
    const wp_serial line = meter_simulator_line(&meter);
    (void)context;
    meter.now_us = port_clock_us();
    return line.read(line.context, bytes, size);
}

static void write_line(void *context, const uint8_t *bytes, size_t n)
{
    const wp_serial line = meter_simulator_line(&meter);
    (void)context;
    meter.now_us = port_clock_us();
    look(meter.now_us);
    line.write(line.context, bytes, n);
}

const wp_serial *port_meter_line(uint32_t baud)
{
    static const wp_serial line = {.read = read_line, .write = write_line};
    meter_simulator_init(&meter, 1);
    meter.baud = baud;
    return &line;
}

port_vehicle port_vehicle_now(void)
{
    const uint32_t now_us = port_clock_us();
    return (port_vehicle){.there = within(now_us, 20, 300) ? 1 : 0,
                          .pilot_da = now_us < 120 * S ? 160 : 100,
                          .soc_pct = within(now_us, 20, 300) ? (int32_t)(50 + now_us / (60 * S)) : -1};
}

void port_vehicle_enable(bool on, int32_t limit_ma)
{
    (void)on;
    (void)limit_ma;
}
