/* A board's own port: its clocks, and waits that end by themselves. Nobody sends anything meanwhile. */
#include "check.h"
#include "port.h"

#define WAIT_US 30000u
#define TURNS_MAX 10u /* an early end is no error, but a wait that does not sleep has thousands */
#define STALL_US 10000000u /* the machine that emulates this one may have better things to do */

static wp_port port;
static uint8_t bytes[16];
static size_t n_received;

static void test_is_complete(void)
{
    CHECK_EQUAL(port_init(&port, 0, NULL), 0);
    CHECK_EQUAL(wp_port_check(&port), WP_OK);
}

static void test_does_not_wait_for_nothing(void)
{
    n_received = 1;
    CHECK_TRUE(port_wait(0, bytes, sizeof bytes, &n_received));
    CHECK_EQUAL(n_received, 0);
}

static void test_sleeps_until_the_time_has_come(void)
{
    const uint32_t begin_ticks = port.ticks(port.context); /* first and last: these see all of the time, and more */
    const uint32_t begin_us = port.clock_us(port.context);
    uint32_t passed_us = 0;
    uint32_t turns = 0;
    while (passed_us < WAIT_US && turns <= TURNS_MAX) {
        CHECK_TRUE(port_wait(WAIT_US - passed_us, bytes, sizeof bytes, &n_received));
        CHECK_EQUAL(n_received, 0);
        passed_us = port.clock_us(port.context) - begin_us;
        turns++;
    }
    CHECK_TRUE(turns <= TURNS_MAX);
    const uint64_t ticks = port.ticks(port.context) - begin_ticks;
    const uint64_t in_us = port.ticks_per_s == 0 ? WAIT_US : ticks * 1000000u / port.ticks_per_s;
    CHECK_TRUE(ticks > 0);
    CHECK_TRUE(in_us >= WAIT_US);
    CHECK_TRUE(in_us < passed_us + STALL_US);
}

static void test_knows_its_stack(void)
{
    const uint32_t deepest = port.stack_bytes(port.context);
    CHECK_TRUE(deepest > 16);
    CHECK_TRUE(deepest < 4096);
}

int main(void)
{
    check_begin();
    RUN(test_is_complete);
    RUN(test_does_not_wait_for_nothing);
    RUN(test_sleeps_until_the_time_has_come);
    RUN(test_knows_its_stack);
    return check_end();
}
