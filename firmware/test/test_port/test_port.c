/* A board's own port: its clocks, and waits that end by themselves. Nobody sends anything meanwhile. */
#include "check.h"
#include "port.h"

#define WAIT_US 30000u
#define TURNS_MAX 10u /* an early end is no error, but a wait that does not sleep has thousands */
#define STALL_US 10000000u /* the machine that emulates this one may have better things to do */

static uint8_t bytes[16];
static size_t n_received;

static void test_starts(void)
{
    CHECK_EQUAL(port_init(0, NULL), 0);
    CHECK_TRUE(port_boot() <= WP_BOOT_BROWNOUT);
    port_watchdog_kick();
}

/* What it says it has not does fail. */
static void test_knows_its_parts(void)
{
    uint8_t kept[16] = {0};
    wp_reading reading = {.status = WP_SENSOR_OK};
    const uint8_t number = 0;
    CHECK_EQUAL(port_parts() & ~(uint32_t)(PORT_I2C | PORT_FLASH | PORT_SENSOR), 0);
    if ((port_parts() & PORT_I2C) == 0) {
        CHECK_EQUAL(port_i2c_transfer(0x40, &number, 1, kept, 2), WP_I2C_BUS_ERROR);
    }
    if ((port_parts() & PORT_SENSOR) == 0) {
        port_measure(&reading);
        CHECK_EQUAL(reading.status, WP_SENSOR_NO_ANSWER);
    }
    if ((port_parts() & PORT_FLASH) == 0) {
        CHECK_TRUE(!port_flash_read(0, kept, sizeof kept));
        CHECK_TRUE(!port_flash_erase(0));
        CHECK_TRUE(!port_flash_write(0, kept, sizeof kept));
    }
}

static void test_does_not_wait_for_nothing(void)
{
    n_received = 1;
    CHECK_TRUE(port_read(0, bytes, sizeof bytes, &n_received));
    CHECK_EQUAL(n_received, 0);
}

static void test_sleeps_until_the_time_has_come(void)
{
    const uint32_t begin_ticks = port_ticks(); /* first and last: these see all of the time, and more */
    const uint32_t begin_us = port_clock_us();
    uint32_t passed_us = 0;
    uint32_t turns = 0;
    while (passed_us < WAIT_US && turns <= TURNS_MAX) {
        CHECK_TRUE(port_read(WAIT_US - passed_us, bytes, sizeof bytes, &n_received));
        CHECK_EQUAL(n_received, 0);
        passed_us = port_clock_us() - begin_us;
        turns++;
    }
    CHECK_TRUE(turns <= TURNS_MAX);
    const uint64_t ticks = port_ticks() - begin_ticks;
    const uint64_t in_us = port_ticks_per_s == 0 ? WAIT_US : ticks * 1000000u / port_ticks_per_s;
    CHECK_TRUE(ticks > 0);
    CHECK_TRUE(in_us >= WAIT_US);
    CHECK_TRUE(in_us < passed_us + STALL_US);
}

static void test_knows_its_stack(void)
{
    const uint32_t deepest = port_stack_bytes();
    CHECK_TRUE(deepest > 16);
    CHECK_TRUE(deepest < 4096);
}

int main(void)
{
    check_begin();
    RUN(test_starts);
    RUN(test_knows_its_parts);
    RUN(test_does_not_wait_for_nothing);
    RUN(test_sleeps_until_the_time_has_come);
    RUN(test_knows_its_stack);
    return check_end();
}
