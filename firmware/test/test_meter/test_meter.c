/* The Modbus master and the SDM630's driver, on a meter with registers of its own, a line that takes its time, and faults. */
#include <string.h>

#include "check.h"
#include "meter_simulator.h"
#include "wp/float32.h"
#include "wp/sdm.h"

#define STEP_US 1000

static meter_simulator device;
static wp_serial line;
static wp_sdm sdm;
static wp_meter meter;
static wp_meter_reading reading;

static const wp_modbus_config config = {
    .baud = WP_SDM_BAUD, .timeout_us = WP_SDM_TIMEOUT_US, .unit = 7, .retries = WP_SDM_RETRIES};

static void set_phase(uint32_t k, int64_t voltage_mv, int64_t current_ma, int64_t power_mw, int64_t factor_permille)
{
    meter_simulator_set(&device, 0 + k, voltage_mv);
    meter_simulator_set(&device, 3 + k, current_ma);
    meter_simulator_set(&device, 6 + k, power_mw);
    meter_simulator_set(&device, 15 + k, factor_permille);
}

/* A car on three phases, 16 A each, near the clock's wrap. */
static void begin_charge(void)
{
    meter_simulator_init(&device, 7);
    device.now_us = 0xFFFFFFFFu - 100000u;
    set_phase(0, 230100, 15900, 3650000, 998);
    set_phase(1, 231400, 16000, 3690000, 997);
    set_phase(2, 229850, 15950, 3655000, 997);
    meter_simulator_set(&device, 35, 50012);
    meter_simulator_set(&device, 36, 1234567);
    line = meter_simulator_line(&device);
    wp_sdm_init(&sdm, &line, &config);
    meter = wp_sdm_meter(&sdm);
}

/* One reading, and how long it took. */
static uint32_t read_meter(void)
{
    const uint32_t begin_us = device.now_us;
    memset(&reading, 0, sizeof reading);
    if (!meter.begin(meter.context, device.now_us)) {
        return 0;
    }
    for (uint32_t k = 0; k < 10000; k++) {
        device.now_us += STEP_US;
        if (meter.poll(meter.context, device.now_us, &reading)) {
            return device.now_us - begin_us;
        }
    }
    return 0;
}

static void check_status(wp_meter_status status, int line_number)
{
    CHECK_TRUE(read_meter() > 0);
    check_equal(reading.status, status, __FILE__, line_number);
    if (status == WP_METER_OK) {
        check_equal(reading.current_ma[1], 16000, __FILE__, line_number);
        check_equal(reading.energy_wh, 1234567, __FILE__, line_number);
    }
}
#define READS() check_status(WP_METER_OK, __LINE__)
#define FAULT(status) check_status((status), __LINE__)

static void test_measures(void)
{
    begin_charge();
    const uint32_t took_us = read_meter();
    CHECK_TRUE(took_us > 150000 && took_us < 220000);
    CHECK_EQUAL(reading.status, WP_METER_OK);
    CHECK_EQUAL(reading.voltage_mv[0], 230100);
    CHECK_EQUAL(reading.voltage_mv[1], 231400);
    CHECK_EQUAL(reading.voltage_mv[2], 229850);
    CHECK_EQUAL(reading.current_ma[0], 15900);
    CHECK_EQUAL(reading.current_ma[2], 15950);
    CHECK_EQUAL(reading.power_w[0], 3650);
    CHECK_EQUAL(wp_meter_power_w(&reading), 3650 + 3690 + 3655);
    CHECK_EQUAL(reading.power_factor_permille[0], 998);
    CHECK_EQUAL(reading.power_factor_permille[1], 997);
    CHECK_EQUAL(reading.frequency_mhz, 50012);
    CHECK_EQUAL(reading.energy_wh, 1234567); /* 1234.567 kWh: the float's step is 0.1 Wh */
    CHECK_EQUAL(device.n_requests, 2);
    CHECK_TRUE(!meter.poll(meter.context, device.now_us, &reading)); /* once a reading */
    READS();
}

static void test_one_at_a_time(void)
{
    begin_charge();
    CHECK_TRUE(meter.begin(meter.context, device.now_us));
    CHECK_TRUE(!meter.begin(meter.context, device.now_us));
    CHECK_EQUAL(device.n_requests, 0); /* the line has to be quiet first */
}

static void test_sample_for_the_vehicle(void)
{
    wp_vehicle vehicle;
    wp_vehicle_sample sample = {.t_ms = 5};
    int32_t x[WP_N_VEHICLE_FEATURES];
    begin_charge();
    wp_vehicle_init(&vehicle);
    for (uint32_t k = 0; k < 40; k++) {
        meter_simulator_set(&device, 36, 1234567 + k * 3);
        CHECK_TRUE(read_meter() > 0);
        CHECK_TRUE(wp_meter_sample(&reading, 1000 * k, &sample));
        CHECK_EQUAL(sample.pilot_da, -1);
        CHECK_EQUAL(sample.soc_pct, -1);
        CHECK_EQUAL(wp_vehicle_update(&vehicle, &sample), WP_OK);
    }
    wp_vehicle_read(&vehicle, x);
    CHECK_EQUAL(x[WP_VEHICLE_ACTIVE_PHASES], 3);
    CHECK_EQUAL(x[WP_VEHICLE_PLATEAU_MA], 16000);
    CHECK_EQUAL(x[WP_VEHICLE_ENERGY_WH], 39 * 3);
    device.faults = METER_FAULT_ABSENT;
    sample.t_ms = 77;
    FAULT(WP_METER_NO_ANSWER);
    CHECK_TRUE(!wp_meter_sample(&reading, 1, &sample));
    CHECK_EQUAL(sample.t_ms, 77);
}

static void test_direction_and_power_factor(void)
{
    begin_charge();
    set_phase(0, 230000, 10000, -2290000, -996); /* gives back: the meter's current has no sign */
    set_phase(1, 230000, 16000, 2560000, 1004);
    set_phase(2, 230000, 249, 20000, 350); /* a charger asleep */
    READS();
    CHECK_EQUAL(reading.current_ma[0], -10000);
    CHECK_EQUAL(reading.power_w[0], -2290);
    CHECK_EQUAL(reading.power_factor_permille[0], -996);
    CHECK_EQUAL(reading.power_factor_permille[1], 1000);
    CHECK_EQUAL(reading.current_ma[2], 249);
    CHECK_EQUAL(reading.power_factor_permille[2], WP_MISSING);
}

static void test_line_that_is_broken(void)
{
    static const struct {
        uint32_t faults;
        wp_meter_status status;
    } cases[] = {{METER_FAULT_ABSENT, WP_METER_NO_ANSWER},
                 {METER_FAULT_FLIPPED, WP_METER_DAMAGED},
                 {METER_FAULT_SHORT, WP_METER_DAMAGED},
                 {METER_FAULT_BABBLES, WP_METER_DAMAGED},
                 {METER_FAULT_REFUSES, WP_METER_REFUSED}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin_charge();
        READS();
        device.faults = cases[k].faults;
        FAULT(cases[k].status);
        FAULT(cases[k].status);
        device.faults = 0;
        READS();
    }
}

/* What comes before a reply, or with it, is passed over without another try. */
static void test_bytes_of_others(void)
{
    static const uint32_t faults[] = {METER_FAULT_OTHER_UNIT, METER_FAULT_NOISE, METER_FAULT_ECHO,
                                      METER_FAULT_OTHER_UNIT | METER_FAULT_NOISE | METER_FAULT_ECHO};
    for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++) {
        begin_charge();
        device.faults = faults[k];
        READS();
        CHECK_EQUAL(sdm.bus.n_tries, 2);
        CHECK_EQUAL(sdm.bus.n_timeouts, 0);
    }
}

static void test_tries_again(void)
{
    begin_charge();
    device.faults = METER_FAULT_ABSENT;
    CHECK_TRUE(meter.begin(meter.context, device.now_us));
    while (sdm.bus.n_tries < 3) {
        device.now_us += STEP_US;
        CHECK_TRUE(!meter.poll(meter.context, device.now_us, &reading));
    }
    CHECK_EQUAL(sdm.bus.n_timeouts, 2);
    begin_charge();
    device.faults = METER_FAULT_FLIPPED;
    device.n_spared = 1; /* the second block is damaged */
    FAULT(WP_METER_DAMAGED);
    CHECK_EQUAL(device.n_requests, 1 + 3);
    CHECK_EQUAL(sdm.bus.n_damaged, 3);
}

static void test_refusals(void)
{
    begin_charge();
    device.faults = METER_FAULT_REFUSES;
    device.exception = 2;
    FAULT(WP_METER_REFUSED);
    CHECK_EQUAL(device.n_requests, 1); /* it would be refused again */
    CHECK_EQUAL(sdm.bus.exception, 2);
    begin_charge();
    device.faults = METER_FAULT_REFUSES;
    device.exception = WP_MODBUS_EXCEPTION_BUSY;
    FAULT(WP_METER_REFUSED);
    CHECK_EQUAL(device.n_requests, 3);
}

static void test_time_limit(void)
{
    begin_charge();
    device.think_us = 290000;
    READS();
    CHECK_EQUAL(sdm.bus.n_timeouts, 0);
    begin_charge();
    device.faults = METER_FAULT_ABSENT;
    const uint32_t took_us = read_meter();
    /* three times 300 ms, and 85 bytes on the line */
    CHECK_TRUE(took_us > 3 * 300000 && took_us < 3 * 420000);
    CHECK_EQUAL(device.n_requests, 3);
}

/* A reply that comes after its time is not taken for the next request's. */
static void test_late_reply(void)
{
    begin_charge();
    device.think_us = 600000;
    CHECK_TRUE(read_meter() > 0);
    device.think_us = 30000;
    set_phase(1, 231400, 8000, 1840000, 997);
    CHECK_TRUE(read_meter() > 0);
    CHECK_EQUAL(reading.status, WP_METER_OK);
    CHECK_EQUAL(reading.current_ma[1], 8000);
}

static void test_values_that_cannot_be(void)
{
    static const struct {
        uint32_t index;
        uint32_t bits;
    } cases[] = {{0, 0x7FC00000u}, {3, 0x7F800000u},  {7, 0xFF800000u}, {36, 0x7FFFFFFFu}, {1, 0xC3660000u},
                 {5, 0x49742400u}, {8, 0x4F000000u}, {15, 0x40000000u}, {35, 0x43FA0000u}, {36, 0xBF800000u}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        begin_charge();
        device.values[cases[k].index] = cases[k].bits;
        FAULT(WP_METER_OUT_OF_RANGE);
        begin_charge();
        READS();
    }
}

static void test_frozen(void)
{
    begin_charge();
    READS();
    device.faults = METER_FAULT_FROZEN;
    for (uint32_t k = 0; k < WP_METER_SAME_MAX - 2; k++) {
        READS();
    }
    FAULT(WP_METER_FROZEN);
    FAULT(WP_METER_FROZEN);
    device.faults = 0;
    meter_simulator_set(&device, 0, 230101);
    READS();
    begin_charge(); /* without current all may stand still */
    for (uint32_t k = 0; k < 3; k++) {
        set_phase(k, 230000, 0, 0, 1000);
    }
    for (uint32_t k = 0; k < WP_METER_SAME_MAX + 10; k++) {
        CHECK_TRUE(read_meter() > 0);
        CHECK_EQUAL(reading.status, WP_METER_OK);
    }
}

static void test_float32(void)
{
    int32_t value = 7;
    CHECK_TRUE(wp_float32_scaled(0x43664000u, 1000, &value) && value == 230250);
    CHECK_TRUE(wp_float32_scaled(0xC3664000u, 1000, &value) && value == -230250);
    CHECK_TRUE(wp_float32_scaled(0x80000000u, 1000, &value) && value == 0);
    CHECK_TRUE(wp_float32_scaled(0x00000001u, 1000000, &value) && value == 0);
    CHECK_TRUE(wp_float32_scaled(0x3F000000u, 1, &value) && value == 1);  /* a half goes away from zero */
    CHECK_TRUE(wp_float32_scaled(0xBF000000u, 1, &value) && value == -1);
    CHECK_TRUE(wp_float32_scaled(0x3EFFFFFFu, 1, &value) && value == 0);
    CHECK_TRUE(wp_float32_scaled(0x4EFFFFFFu, 1, &value) && value == 2147483520);
    value = 7;
    CHECK_TRUE(!wp_float32_scaled(0x4F000000u, 1, &value));
    CHECK_TRUE(!wp_float32_scaled(0x7F800000u, 1, &value));
    CHECK_TRUE(!wp_float32_scaled(0x7FC00000u, 1, &value));
    CHECK_TRUE(!wp_float32_scaled(0x7F7FFFFFu, 1000, &value));
    CHECK_EQUAL(value, 7);
}

/* The examples of the specification: request and CRC. */
static void test_crc_and_requests(void)
{
    static const uint8_t example[] = {0x02, 0x07};
    CHECK_EQUAL(wp_modbus_crc(example, sizeof example), 0x1241);
    CHECK_EQUAL(wp_modbus_crc((const uint8_t *)"123456789", 9), 0x4B37);
    begin_charge();
    CHECK_TRUE(!wp_modbus_read(&sdm.bus, 0, 0, 0));
    CHECK_TRUE(!wp_modbus_read(&sdm.bus, 0, 0, WP_MODBUS_REGISTERS_MAX + 1));
    CHECK_EQUAL(wp_modbus_poll(&sdm.bus, 0), WP_MODBUS_IDLE);
}

int main(void)
{
    check_begin();
    RUN(test_measures);
    RUN(test_one_at_a_time);
    RUN(test_sample_for_the_vehicle);
    RUN(test_direction_and_power_factor);
    RUN(test_line_that_is_broken);
    RUN(test_bytes_of_others);
    RUN(test_tries_again);
    RUN(test_refusals);
    RUN(test_time_limit);
    RUN(test_late_reply);
    RUN(test_values_that_cannot_be);
    RUN(test_frozen);
    RUN(test_float32);
    RUN(test_crc_and_requests);
    return check_end();
}
