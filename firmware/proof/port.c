/* Boards that do anything: whatever a board can meet, its main loop meets here. For tools/prove.py, which has Frama-C's
 * Eva run firmware/src/main.c on it; nothing of this is compiled into a firmware.
 *
 * A volatile variable has another value each time it is read, and Eva takes it for every value of its type. So each byte
 * on the line, each time, each measurement, each setting and each answer to "is there more?" below is every one there is.
 * It stands where firmware/src/hardware.c and a folder of firmware/ports stand in a firmware.
 */
#include "hardware.h"
#include "port.h"
#if WP_PROFILE_EV
#include "model.h"
#endif

static volatile uint8_t any_byte;
static volatile uint32_t any_u32;
static volatile int32_t any_i32;
static volatile size_t any_size;
static volatile uint8_t sent;

static wp_port core_port;

static bool any_bool(void)
{
    return any_u32 % 2u == 0;
}

void port_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        sent = bytes[i]; /* reading what was never written, or beyond the line, would be an alarm */
    }
}

static void write_line(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    port_write(bytes, n);
}

static uint32_t any_count(void *context)
{
    (void)context;
    return any_u32;
}

#if PROOF_ALL_PARTS
static void any_reading(void *context, wp_reading *reading)
{
    (void)context;
    reading->status = (wp_sensor_status)(any_u32 % 5u); /* each of the five there are */
    reading->voltage_mv = any_i32;
    reading->current_ma = any_i32;
    reading->raw = any_u32;
}

static void choose_sensor(void)
{
    if (any_bool()) {
        core_port.sensor = WP_SENSOR_PRESENT;
        core_port.measure = any_reading;
    } else {
        core_port.sensor = WP_SENSOR_ABSENT;
        core_port.measure = NULL;
    }
}

static void get_setting(void *context, uint8_t number, wp_setting *setting)
{
    (void)context;
    (void)number;
    setting->value = any_i32;
    setting->lowest = any_i32;
    setting->highest = any_i32;
}

static bool set_setting(void *context, uint8_t number, int32_t value)
{
    (void)context;
    (void)number;
    (void)value;
    choose_sensor();
    return any_bool();
}
#endif

const wp_port *hardware_start(void)
{
    core_port.write = write_line;
    core_port.clock_us = any_count;
    core_port.ticks = any_count;
    core_port.ticks_per_s = any_u32;
    core_port.stack_bytes = any_count;
    core_port.boot = (wp_boot)(any_u32 % 4u);
#if PROOF_ALL_PARTS
    core_port.n_settings = (uint8_t)(1u + any_u32 % 255u);
    core_port.get_setting = get_setting;
    core_port.set_setting = set_setting;
    choose_sensor();
#else
    core_port.sensor = WP_SENSOR_ABSENT;
#endif
    return &core_port;
}

int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
#if WP_PROFILE_EV
    return proof_tables() ? 0 : 1;
#else
    return 0;
#endif
}

void port_watchdog_kick(void)
{
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    /* Where Eva may stop when a range grows from turn to turn: counts' and lines' ends, and the limits of samples, powers,
     * filters and integrals. A hint claims nothing: Eva proves that the range stays within, or goes on to the next. */
    /*@ widen_hints global:"all", -4611686018427387904, -1073740800, -549754305, -536869888, -16777215, -1048575,
          -524287, 3, 8, 60, 62, 63, 240, 999, 524287, 1048575, 16777215, 536869888, 549754305, 1073740800,
          4611686018427387904; */
    (void)wait_us;
    const size_t wanted = any_size;
    *n = wanted < size ? wanted : size;
    for (size_t i = 0; i < *n; i++) {
        bytes[i] = any_byte;
    }
    return any_bool();
}
