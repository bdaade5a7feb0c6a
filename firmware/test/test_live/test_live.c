/* When a charge begins and ends, and when the sensor is not believed: readings in, one a second, events out. */
#include "check.h"
#include "wp/live.h"

static wp_live live;
static uint32_t clock_us;
static uint32_t raw;
static bool tapered;
static check_text_buffer seen; /* what came of each reading, see note */
static wp_sample latest;       /* sample that came out */

static void start(void)
{
    clock_us = 0xFFFFFFFFu - 2500000u; /* wraps after two and a half seconds */
    tapered = false;
    check_clear(&seen);
    wp_live_init(&live, clock_us);
}

/* F fault, W well, U unplug, P plug, then the number of samples; '.' when nothing came of it. */
static void note(const wp_live_step *step)
{
    static const char letters[] = "FWUP";
    const size_t before = seen.length;
    for (uint32_t bit = 0; bit < 4; bit++) {
        const char one[2] = {letters[bit], '\0'};
        if ((step->events >> bit & 1u) != 0) {
            check_append(&seen, one);
        }
    }
    if (step->n_samples > 0) {
        check_append_hex(&seen, step->n_samples, 0);
        latest = step->samples[step->n_samples - 1];
    }
    if (seen.length == before) {
        check_append(&seen, ".");
    }
}

static void take(const wp_reading *reading)
{
    const wp_live_step step = wp_live_take(&live, reading, tapered);
    note(&step);
}

static void pass(uint32_t us)
{
    clock_us += us;
    wp_live_advance(&live, clock_us);
}

/* A second later: a reading whose bits have changed, as they do. */
static void reads(int32_t voltage_mv, int32_t current_ma)
{
    const wp_reading reading = {WP_SENSOR_OK, voltage_mv, current_ma, ++raw};
    pass(1000000);
    CHECK_TRUE(wp_live_is_due(&live));
    take(&reading);
}

/* Currents at 5 V. */
static void draws(const int32_t current_ma[], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        reads(5000, current_ma[k]);
    }
}
#define DRAWS(...) draws((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void draws_for(uint32_t n, int32_t voltage_mv, int32_t current_ma)
{
    for (uint32_t k = 0; k < n; k++) {
        reads(voltage_mv, current_ma);
    }
}

static void fails(uint32_t n, wp_sensor_status status)
{
    const wp_reading reading = {.status = status};
    for (uint32_t k = 0; k < n; k++) {
        pass(1000000);
        take(&reading);
    }
}

#define SEEN(what)                                                                                                     \
    do {                                                                                                               \
        CHECK_TEXT(seen.text, what);                                                                                   \
        check_clear(&seen);                                                                                            \
    } while (0)

/* Plugged in, with three samples behind it. */
static void start_plugged(void)
{
    start();
    DRAWS(500, 500, 500);
    SEEN("..P3");
}

/* Nothing but samples, n of them. */
static void check_samples(uint32_t n, int line)
{
    CHECK_EQUAL(seen.length, n);
    for (size_t k = 0; k < seen.length; k++) {
        check_equal(seen.text[k], '1', __FILE__, line);
    }
    check_clear(&seen);
}
#define SAMPLES(n) check_samples((n), __LINE__)

static void test_idle_port_with_offset_and_noise(void)
{
    start();
    for (uint32_t k = 0; k < 300; k++) {
        reads(k % 2 == 0 ? 5050 : 12, (int32_t)(k * 7u % 19u) - 9);
        reads(5050, WP_PLUG_MA - 1);
    }
    CHECK_EQUAL(seen.length, 600);
    check_clear(&seen);
    DRAWS(WP_PLUG_MA, WP_PLUG_MA, WP_PLUG_MA);
    SEEN("..P3");
}

static void test_charge_begins_with_its_first_sample(void)
{
    const wp_reading third = {WP_SENSOR_OK, 5003, 603, 0};
    start();
    DRAWS(0, 1, 601, 602);
    pass(1000000);
    const wp_live_step step = wp_live_take(&live, &third, false);
    CHECK_EQUAL(step.events, WP_LIVE_PLUG);
    CHECK_EQUAL(step.n_samples, 3);
    for (uint32_t k = 0; k < 3; k++) {
        CHECK_EQUAL(step.samples[k].t_ms, 1000 * k);
        CHECK_EQUAL(step.samples[k].current_ma, 601 + (int32_t)k);
    }
    CHECK_EQUAL(step.samples[2].voltage_mv, 5003);
    check_clear(&seen);
    DRAWS(604);
    SEEN("1");
    CHECK_EQUAL(latest.t_ms, 3000);
    CHECK_EQUAL(latest.current_ma, 604);
}

static void test_blips_are_no_plug(void)
{
    start();
    DRAWS(900, 900, 0, 0, 0, 0, 0, 0, 900, 0, 0, 0, 0, 0, 0, 900, 0, 0);
    SEEN("..................");
}

static void test_device_that_draws_in_bursts(void)
{
    start();
    DRAWS(0, 300, 0, 0, 300, 0, 0, 300);
    SEEN(".......P7");
    for (uint32_t k = 0; k < 20; k++) { /* a burst within the time that ends a charge */
        draws_for(WP_UNPLUG_READINGS - 1, 5000, 0);
        DRAWS(300);
    }
    SAMPLES(20 * WP_UNPLUG_READINGS);
    draws_for(WP_UNPLUG_READINGS - 1, 5000, 0);
    SAMPLES(WP_UNPLUG_READINGS - 1);
    DRAWS(0, 0);
    SEEN("U.");
}

static void test_current_between_the_limits_keeps_a_charge(void)
{
    start_plugged();
    draws_for(1000, 5000, WP_UNPLUG_MA);
    SAMPLES(1000);
    draws_for(WP_UNPLUG_READINGS - 1, 5000, WP_UNPLUG_MA - 1);
    SAMPLES(WP_UNPLUG_READINGS - 1);
    DRAWS(WP_UNPLUG_MA - 1);
    SEEN("U");
    DRAWS(WP_PLUG_MA - 1, WP_PLUG_MA - 1, WP_PLUG_MA - 1);
    SEEN("...");
}

static void test_output_switched_off_is_an_unplug_at_once(void)
{
    start_plugged();
    reads(0, 0);
    reads(WP_UNPLUG_MV - 1, 3);
    reads(0, 500); /* current, whatever the voltage */
    reads(0, 0);
    reads(0, 0);
    reads(WP_UNPLUG_MV, 0); /* voltage */
    reads(0, 0);
    reads(0, 0);
    SAMPLES(8);
    reads(0, 0);
    SEEN("U");
}

static void test_device_at_rest_keeps_its_charge_for_a_while(void)
{
    start_plugged();
    tapered = true;
    draws_for(WP_UNPLUG_REST_READINGS - 1, 5000, 2);
    DRAWS(40);
    draws_for(WP_UNPLUG_REST_READINGS - 1, 5000, -2);
    SAMPLES(2 * WP_UNPLUG_REST_READINGS - 1);
    DRAWS(2);
    SEEN("U");
    start_plugged();
    draws_for(WP_UNPLUG_READINGS - 1, 5000, 2);
    tapered = true; /* comes down while it is quiet */
    DRAWS(2, 2);
    SAMPLES(WP_UNPLUG_READINGS + 1);
    tapered = false;
    DRAWS(2);
    SEEN("U");
}

static void test_next_charge_starts_afresh(void)
{
    start_plugged();
    draws_for(5, 5000, 500);
    draws_for(3, 0, 0);
    SEEN("1111111U");
    DRAWS(700, 700, 700);
    SEEN("..P3");
    CHECK_EQUAL(latest.t_ms, 2000);
}

static void test_short_fault_leaves_a_gap(void)
{
    start_plugged();
    fails(1, WP_SENSOR_NO_ANSWER);
    fails(2, WP_SENSOR_NO_ANSWER);
    fails(1, WP_SENSOR_SATURATED);
    SEEN("F..F");
    CHECK_EQUAL(live.fault, WP_SENSOR_SATURATED);
    DRAWS(500);
    SEEN("W1");
    CHECK_EQUAL(latest.t_ms, 7000);
    CHECK_EQUAL(live.fault, WP_SENSOR_OK);
    fails(59, WP_SENSOR_NO_ANSWER);
    check_clear(&seen);
    DRAWS(500);
    SEEN("W1"); /* 60 s after the one before */
}

static void test_long_fault_ends_the_charge_while_it_lasts(void)
{
    start_plugged();
    fails(60, WP_SENSOR_NO_ANSWER);
    CHECK_EQUAL(seen.length, 60);
    check_clear(&seen);
    fails(3, WP_SENSOR_NO_ANSWER);
    SEEN("U..");
    DRAWS(500, 500, 500, 500);
    SEEN("W.P31");
    CHECK_EQUAL(latest.t_ms, 3000);
}

static void test_unplug_during_a_fault(void)
{
    start_plugged();
    reads(0, 0);
    fails(30, WP_SENSOR_SATURATED); /* decides nothing, and forgets nothing */
    check_clear(&seen);
    reads(0, 0);
    reads(0, 0);
    SEEN("W1U");
    start_plugged();
    fails(30, WP_SENSOR_NO_ANSWER);
    check_clear(&seen);
    draws_for(WP_UNPLUG_READINGS, 5000, 0);
    SEEN("W111111" "1111111" "1U");
}

static void test_fault_without_a_charge_is_told_too(void)
{
    start();
    fails(100, WP_SENSOR_NO_ANSWER);
    CHECK_EQUAL(seen.length, 100);
    CHECK_EQUAL(seen.text[0], 'F');
    check_clear(&seen);
    DRAWS(0, 500);
    fails(2, WP_SENSOR_NO_ANSWER);
    DRAWS(500, 500); /* the reading before the fault counts */
    SEEN("W.F.WP3");
    CHECK_EQUAL(latest.t_ms, 4000);
    start();
    DRAWS(500, 500);
    fails(60, WP_SENSOR_NO_ANSWER);
    check_clear(&seen);
    DRAWS(500, 500, 500); /* too long ago to count */
    SEEN("W.P3");
}

static void test_sensor_that_stands_still(void)
{
    const wp_reading same = {WP_SENSOR_OK, 5000, 500, 77};
    start_plugged();
    draws_for(200, 5000, 500); /* mV and mA may stand still, while the bits below move */
    SAMPLES(200);
    for (uint32_t k = 0; k < WP_FROZEN_READINGS; k++) { /* the first is new */
        pass(1000000);
        take(&same);
    }
    SAMPLES(WP_FROZEN_READINGS);
    for (uint32_t k = 0; k < 59; k++) {
        pass(1000000);
        take(&same);
        CHECK_EQUAL(seen.text[0], 'F');
    }
    CHECK_EQUAL(live.fault, WP_SENSOR_FROZEN);
    CHECK_EQUAL(seen.length, 59);
    check_clear(&seen);
    DRAWS(500);
    SEEN("W1");
    for (uint32_t k = 0; k < WP_FROZEN_READINGS + 61; k++) { /* a minute to see it, a minute to end the charge */
        pass(1000000);
        take(&same);
    }
    CHECK_EQUAL(seen.text[WP_FROZEN_READINGS], 'F');
    CHECK_EQUAL(seen.text[seen.length - 1], 'U');
    CHECK_EQUAL(seen.length, WP_FROZEN_READINGS + 61);
}

static void test_nothing_may_stand_still(void)
{
    const wp_reading nothing = {WP_SENSOR_OK, 5000, WP_PLUG_MA - 1, 77};
    start();
    for (uint32_t k = 0; k < 3 * WP_FROZEN_READINGS; k++) {
        pass(1000000);
        take(&nothing);
    }
    CHECK_EQUAL(live.fault, WP_SENSOR_OK);
    CHECK_EQUAL(seen.length, 3 * WP_FROZEN_READINGS);
}

static void test_failed_readings_do_not_hide_a_sensor_that_stands_still(void)
{
    const wp_reading same = {WP_SENSOR_OK, 5000, 500, 77};
    start_plugged();
    for (uint32_t k = 0; k <= WP_FROZEN_READINGS; k++) {
        pass(1000000);
        take(&same);
        fails(k % 3 == 0 ? 1 : 0, WP_SENSOR_NO_ANSWER);
    }
    CHECK_EQUAL(live.fault, WP_FROZEN_READINGS % 3 == 0 ? WP_SENSOR_NO_ANSWER : WP_SENSOR_FROZEN);
    pass(1000000);
    take(&same);
    CHECK_EQUAL(live.fault, WP_SENSOR_FROZEN);
}

static void test_values_that_cannot_be(void)
{
    static const int32_t good[][2] = {{WP_READING_MIN_MV, 500},
                                      {WP_READING_MAX_MV, 500},
                                      {5000, WP_READING_MIN_MA},
                                      {5000, WP_READING_MAX_MA}};
    static const int32_t bad[][2] = {{WP_READING_MIN_MV - 1, 500},
                                     {WP_READING_MAX_MV + 1, 500},
                                     {5000, WP_READING_MIN_MA - 1},
                                     {5000, WP_READING_MAX_MA + 1},
                                     {INT32_MIN, INT32_MAX}};
    start_plugged();
    for (size_t k = 0; k < sizeof good / sizeof good[0]; k++) {
        reads(good[k][0], good[k][1]);
        SEEN("1");
    }
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        reads(bad[k][0], bad[k][1]);
        SEEN("F");
        CHECK_EQUAL(live.fault, WP_SENSOR_OUT_OF_RANGE);
        DRAWS(500);
        SEEN("W1");
    }
}

static void test_time_without_measurement_ends_a_charge(void)
{
    start_plugged();
    pass(59000000);
    DRAWS(500);
    SEEN("1");
    CHECK_EQUAL(latest.t_ms, 62000);
    pass(59001000);
    DRAWS(500, 500, 500);
    SEEN("U.P3");
}

static void test_time_in_small_and_large_steps(void)
{
    start();
    for (uint32_t k = 0; k < 3001; k++) {
        pass(333);
    }
    CHECK_EQUAL(live.now_ms, 999);
    CHECK_EQUAL(live.rest_us, 333);
    pass(UINT32_MAX); /* 71 minutes, as far as the clock can tell */
    CHECK_EQUAL(live.now_ms, 999u + 4294967u);
    CHECK_EQUAL(live.rest_us, 333 + 295);
    wp_live_advance(&live, clock_us);
    CHECK_EQUAL(live.now_ms, 999u + 4294967u);
}

static void test_measurements_keep_their_beat(void)
{
    const wp_reading idle = {WP_SENSOR_OK, 5000, 0, 0};
    start();
    CHECK_EQUAL(wp_live_wait_us(&live), 0);
    CHECK_TRUE(wp_live_is_due(&live));
    pass(300250);
    take(&idle); /* 0.3 s late */
    CHECK_EQUAL(wp_live_wait_us(&live), 699750);
    pass(699749);
    CHECK_EQUAL(wp_live_wait_us(&live), 1);
    CHECK_TRUE(!wp_live_is_due(&live));
    pass(1);
    CHECK_EQUAL(wp_live_wait_us(&live), 0);
    CHECK_TRUE(wp_live_is_due(&live));
    pass(499999);
    take(&idle); /* late by a little less than half a period */
    CHECK_EQUAL(wp_live_wait_us(&live), 500001);
    pass(500001 + 500000);
    take(&idle); /* late by half: the beat begins anew */
    CHECK_EQUAL(wp_live_wait_us(&live), 1000000);
    pass(3600000000u);
    take(&idle); /* one measurement, not 3599 */
    CHECK_EQUAL(wp_live_wait_us(&live), 1000000);
}

/* 49 days after power-up the milliseconds wrap; nothing is seen of it. */
static void test_board_older_than_49_days(void)
{
    start();
    live.now_ms = live.due_ms = live.seen_ms = 0xFFFFFFFFu - 3500u;
    DRAWS(0, 500, 500, 500, 500);
    SEEN("...P31");
    CHECK_EQUAL(latest.t_ms, 3000);
    CHECK_TRUE(live.now_ms < 3500);
    draws_for(15, 5000, 0);
    CHECK_EQUAL(seen.text[14], 'U');
}

/* And t_ms in a charge of 49 days: differences stay right. */
static void test_charge_longer_than_49_days(void)
{
    start_plugged();
    live.begin_ms = live.now_ms + 2000u; /* 2^32 - 2000 ms ago */
    DRAWS(500, 500);
    CHECK_EQUAL(latest.t_ms, 0);
    DRAWS(500);
    CHECK_EQUAL(latest.t_ms, 1000);
    SEEN("111");
}

/* Whatever a sensor says: nothing but samples within the limits, in the order of time, and only in a charge. */
static void test_any_readings(void)
{
    uint32_t random = 1;
    bool plugged = false;
    int64_t before_ms = -1;
    start();
    for (uint32_t k = 0; k < 20000; k++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        const wp_reading reading = {random >> 27 == 0 ? (wp_sensor_status)(random % 7u) : WP_SENSOR_OK,
                                    random >> 26 == 3 ? INT32_MIN : (int32_t)(random >> 8 & 0x1FFFu) - 900,
                                    (int32_t)(random >> 16 & 63u) - 5, random >> 20};
        pass(random >> 29 == 0 ? 61000000u : 1000000u);
        const wp_live_step step = wp_live_take(&live, &reading, (random & 1u) != 0);
        if ((step.events & WP_LIVE_UNPLUG) != 0) {
            CHECK_TRUE(plugged);
            plugged = false;
        }
        if ((step.events & WP_LIVE_PLUG) != 0) {
            CHECK_TRUE(!plugged);
            plugged = true;
            before_ms = -1;
        }
        CHECK_TRUE(plugged || step.n_samples == 0);
        CHECK_TRUE(step.n_samples <= WP_PLUG_WINDOW);
        for (size_t i = 0; i < step.n_samples; i++) {
            CHECK_TRUE(step.samples[i].t_ms > before_ms);
            CHECK_TRUE(step.samples[i].voltage_mv >= WP_READING_MIN_MV);
            before_ms = step.samples[i].t_ms;
        }
        CHECK_TRUE(wp_live_wait_us(&live) <= 1000u * WP_SAMPLE_PERIOD_MS);
    }
}

int main(void)
{
    check_begin();
    RUN(test_idle_port_with_offset_and_noise);
    RUN(test_charge_begins_with_its_first_sample);
    RUN(test_blips_are_no_plug);
    RUN(test_device_that_draws_in_bursts);
    RUN(test_current_between_the_limits_keeps_a_charge);
    RUN(test_output_switched_off_is_an_unplug_at_once);
    RUN(test_device_at_rest_keeps_its_charge_for_a_while);
    RUN(test_next_charge_starts_afresh);
    RUN(test_short_fault_leaves_a_gap);
    RUN(test_long_fault_ends_the_charge_while_it_lasts);
    RUN(test_unplug_during_a_fault);
    RUN(test_fault_without_a_charge_is_told_too);
    RUN(test_sensor_that_stands_still);
    RUN(test_nothing_may_stand_still);
    RUN(test_failed_readings_do_not_hide_a_sensor_that_stands_still);
    RUN(test_values_that_cannot_be);
    RUN(test_time_without_measurement_ends_a_charge);
    RUN(test_time_in_small_and_large_steps);
    RUN(test_measurements_keep_their_beat);
    RUN(test_board_older_than_49_days);
    RUN(test_charge_longer_than_49_days);
    RUN(test_any_readings);
    return check_end();
}
