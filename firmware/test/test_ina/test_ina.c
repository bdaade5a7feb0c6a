/* The sensors' drivers, on chips with registers of their own and faults. */
#include "check.h"
#include "ina_simulator.h"
#include "wp/ina.h"
#include "wp/live.h"

static ina_simulator chip;
static wp_i2c bus;
static wp_ina ina;
static wp_reading reading;

static const wp_ina_config config_226 = {.kind = WP_INA226, .address = 0x41, .shunt_uohm = 10000, .averaging_ms = 100};
static const wp_ina_config config_219 = {.kind = WP_INA219, .address = 0x40, .shunt_uohm = 100000, .averaging_ms = 100};

static void begin(const wp_ina_config *config)
{
    ina_simulator_init(&chip, config->kind == WP_INA226, config->address, config->shunt_uohm);
    bus = ina_simulator_bus(&chip);
    wp_ina_init(&ina, &bus, config);
}

static void flows(int32_t current_ua, int32_t voltage_uv)
{
    chip.current_ua = current_ua;
    chip.voltage_uv = voltage_uv;
    wp_ina_measure(&ina, &reading);
}

static void check_reading(wp_sensor_status status, int32_t voltage_mv, int32_t current_ma, int line)
{
    check_equal(reading.status, status, __FILE__, line);
    check_equal(reading.voltage_mv, voltage_mv, __FILE__, line);
    check_equal(reading.current_ma, current_ma, __FILE__, line);
}
#define READS(voltage_mv, current_ma) check_reading(WP_SENSOR_OK, (voltage_mv), (current_ma), __LINE__)
#define FAULT(status) check_reading((status), 0, 0, __LINE__)

static void test_measures_226(void)
{
    begin(&config_226);
    flows(2000000, 5000000);
    READS(5000, 2000);
    CHECK_EQUAL(reading.raw, (uint32_t)8000 << 16 | 4000); /* 20 mV of 2.5 uV, 5 V of 1.25 mV */
    flows(2000250, 20001250);
    READS(20001, 2000);
    flows(-150000, 5000000);
    READS(5000, -150);
    flows(0, 0);
    READS(0, 0);
    CHECK_EQUAL(chip.n_configured, 1);
    CHECK_EQUAL(chip.configuration, 0x4527); /* mean of 16, which takes 39 ms; of 64 it would be 155 */
}

static void test_measures_219(void)
{
    begin(&config_219);
    flows(1234000, 9000000);
    READS(9000, 1234);
    CHECK_EQUAL(reading.raw, (uint32_t)12340 << 16 | 2250); /* 123.4 mV of 10 uV, 9 V of 4 mV */
    flows(-50000, 12002000);
    READS(12004, -50); /* half a step up */
    CHECK_EQUAL(chip.configuration, 0x3F77); /* 32 V, 320 mV, means of 64, which take 75 ms */
}

/* Half a mA up, away from zero. */
static void test_rounds(void)
{
    begin(&config_226);
    flows(1500, 0);
    READS(0, 2); /* 1.5 mA is six steps of 0.25 mA */
    flows(-1500, 0);
    READS(0, -2);
    flows(1250, 0);
    READS(0, 1);
}

static void test_averages_as_long_as_it_may(void)
{
    static const struct {
        int32_t averaging_ms;
        uint16_t of_226;
        uint16_t of_219;
    } cases[] = {{1, 0x4127, 0x3C47},   {2, 0x4127, 0x3C47},   {3, 0x4127, 0x3CCF},  {9, 0x4127, 0x3D57},
                 {10, 0x4327, 0x3DDF},  {38, 0x4327, 0x3EEF}, {39, 0x4527, 0x3EEF}, {151, 0x4527, 0x3FFF},
                 {310, 0x4927, 0x3FFF}, {500, 0x4927, 0x3FFF}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        wp_ina_config config = config_226;
        config.averaging_ms = cases[k].averaging_ms;
        begin(&config);
        flows(0, 0);
        CHECK_EQUAL(chip.configuration, cases[k].of_226);
        config.kind = WP_INA219;
        begin(&config);
        flows(0, 0);
        CHECK_EQUAL(chip.configuration, cases[k].of_219);
    }
}

static void test_calibration(void)
{
    wp_ina_config config = config_226;
    config.current_gain_ppm = 20000; /* 2 % more */
    config.current_offset_ua = -3000;
    config.voltage_gain_ppm = -10000;
    config.voltage_offset_uv = 15000;
    begin(&config);
    flows(2000000, 5000000);
    READS(4965, 2037);
    flows(-100000, 0);
    READS(15, -105);
}

static void test_range(void)
{
    CHECK_EQUAL(wp_ina_max_ma(&config_226), 8191);
    CHECK_EQUAL(wp_ina_max_ma(&config_219), 3200);
    begin(&config_226);
    flows(8191500, 5000000);
    READS(5000, 8192);
    flows(8192000, 5000000);
    FAULT(WP_SENSOR_SATURATED);
    flows(-8300000, 5000000);
    FAULT(WP_SENSOR_SATURATED);
    flows(1000000, 35998750);
    READS(35999, 1000);
    flows(1000000, 36000000);
    FAULT(WP_SENSOR_SATURATED);
    flows(1000000, 48000000); /* USB PD's highest voltage */
    FAULT(WP_SENSOR_SATURATED);
    begin(&config_219);
    flows(3199000, 5000000);
    READS(5000, 3199);
    flows(3200000, 5000000);
    FAULT(WP_SENSOR_SATURATED);
    flows(-4000000, 5000000);
    FAULT(WP_SENSOR_SATURATED);
    flows(1000000, 25996000);
    READS(25996, 1000);
    flows(1000000, 26000000);
    FAULT(WP_SENSOR_SATURATED);
}

static void check_fault_of_bus(const wp_ina_config *config, uint32_t fault)
{
    begin(config);
    chip.faults = fault;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER); /* from the start */
    CHECK_TRUE(chip.n_transfers < 5);
    chip.faults = 0;
    flows(2000000, 5000000);
    READS(5000, 2000);
    chip.faults = fault;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER); /* in the midst */
    chip.faults = 0;
    flows(1000000, 5000000);
    READS(5000, 1000);
}

static void test_faults_of_the_bus(void)
{
    static const uint32_t faults[] = {INA_FAULT_ABSENT, INA_FAULT_STUCK, INA_FAULT_FLOATING};
    for (size_t k = 0; k < sizeof faults / sizeof faults[0]; k++) {
        check_fault_of_bus(&config_226, faults[k]);
        check_fault_of_bus(&config_219, faults[k]);
    }
}

/* Whatever transfer fails first, and however many after it: no value comes out, and the next measurement is whole. */
static uint32_t transfers_until_fault;

static wp_i2c_status faulty_transfer(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                                     size_t n_in)
{
    const wp_i2c whole = ina_simulator_bus(context);
    if (transfers_until_fault == 0) {
        return WP_I2C_BUS_ERROR;
    }
    transfers_until_fault--;
    return whole.transfer(context, address, out, n_out, in, n_in);
}

static void test_fault_at_every_transfer(void)
{
    const wp_ina_config *configs[] = {&config_226, &config_219};
    for (size_t k = 0; k < 2; k++) {
        uint32_t n_whole = 0;
        begin(configs[k]);
        bus.transfer = faulty_transfer;
        do {
            ina.configured = false;
            transfers_until_fault = n_whole;
            flows(2000000, 5000000);
            if (reading.status != WP_SENSOR_OK) {
                FAULT(WP_SENSOR_NO_ANSWER);
            }
            n_whole++;
        } while (reading.status != WP_SENSOR_OK && n_whole < 20);
        READS(5000, 2000);
        CHECK_EQUAL(n_whole - 1, configs[k]->kind == WP_INA226 ? 7 : 5);
    }
}

static void test_frozen(void)
{
    const wp_ina_config *configs[] = {&config_226, &config_219};
    for (size_t k = 0; k < 2; k++) {
        begin(configs[k]);
        flows(2000000, 5000000);
        READS(5000, 2000);
        chip.faults = INA_FAULT_FROZEN;
        flows(1000000, 5000000);
        FAULT(WP_SENSOR_FROZEN);
        flows(1000000, 5000000);
        FAULT(WP_SENSOR_FROZEN);
        chip.faults = 0;
        flows(1000000, 5000000);
        READS(5000, 1000);
        begin(configs[k]); /* never begins to convert: the wait for it ends */
        chip.faults = INA_FAULT_FROZEN;
        flows(1000000, 5000000);
        FAULT(WP_SENSOR_FROZEN);
    }
}

static void test_waits_for_the_first_conversion(void)
{
    begin(&config_226);
    chip.looks_busy = 300;
    flows(2000000, 5000000);
    READS(5000, 2000);
    flows(2000000, 5000000);
    CHECK_EQUAL(chip.n_configured, 1);
}

static void test_chip_that_lost_its_supply(void)
{
    const wp_ina_config *configs[] = {&config_226, &config_219};
    for (size_t k = 0; k < 2; k++) {
        begin(configs[k]);
        flows(2000000, 5000000);
        ina_simulator_lose_supply(&chip);
        flows(3000000, 6000000);
        READS(6000, 3000);
        CHECK_EQUAL(chip.n_configured, 2);
    }
}

static void test_another_chip(void)
{
    begin(&config_226);
    chip.is_226 = false;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER);
    begin(&config_219);
    chip.is_226 = true;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER);
    begin(&config_226);
    chip.maker = 0x5448;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER);
    CHECK_EQUAL(chip.n_configured, 0); /* nothing was written to a stranger */
    begin(&config_226);
    chip.die = 0x2270;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER);
    begin(&config_226);
    chip.die = 0x226F; /* another revision */
    flows(2000000, 5000000);
    READS(5000, 2000);
    begin(&config_219);
    chip.address = 0x45;
    flows(2000000, 5000000);
    FAULT(WP_SENSOR_NO_ANSWER);
}

/* The ends of every setting at the ends of every register. */
static void test_extremes_do_not_overflow(void)
{
    static const int32_t shunts[] = {100, 10000000};
    for (size_t k = 0; k < 8; k++) {
        wp_ina_config config = config_226;
        const int32_t sign = (k & 2u) != 0 ? 1 : -1;
        config.shunt_uohm = shunts[k & 1u];
        config.current_gain_ppm = 200000 * sign;
        config.current_offset_ua = 1000000 * sign;
        config.voltage_gain_ppm = 200000 * sign;
        config.voltage_offset_uv = 1000000 * sign;
        begin(&config);
        chip.shunt_uohm = 10000;
        flows((k & 4u) != 0 ? 8191000 : -8191000, 35000000);
        CHECK_EQUAL(reading.status, WP_SENSOR_OK);
        const bool large = config.shunt_uohm == 100;
        const int32_t flowing_ma = ((k & 4u) != 0 ? 1 : -1) * (large ? 819100 : 8);
        const int32_t near = flowing_ma + flowing_ma / 5 * sign + 1000 * sign;
        CHECK_TRUE(reading.current_ma >= near - 3 && reading.current_ma <= near + 3);
    }
}

int main(void)
{
    check_begin();
    RUN(test_measures_226);
    RUN(test_measures_219);
    RUN(test_rounds);
    RUN(test_averages_as_long_as_it_may);
    RUN(test_calibration);
    RUN(test_range);
    RUN(test_faults_of_the_bus);
    RUN(test_fault_at_every_transfer);
    RUN(test_frozen);
    RUN(test_waits_for_the_first_conversion);
    RUN(test_chip_that_lost_its_supply);
    RUN(test_another_chip);
    RUN(test_extremes_do_not_overflow);
    return check_end();
}
