/* When a charge begins and ends, and the time in between: readings in, one a second, events out. */
#include "readings.h"

static void test_idle_port_with_offset_and_noise(void)
{
    readings_begin();
    for (uint32_t k = 0; k < 300; k++) {
        reads(k % 2 == 0 ? 5050 : 12, (int32_t)(k * 7u % 19u) - 9);
        reads(5050, WP_PLUG_MA - 1);
    }
    CHECK_EQUAL(seen.length, 600);
    check_clear(&seen);
    DRAWS(0, WP_PLUG_MA, WP_PLUG_MA, WP_PLUG_MA);
    SEEN("...P3");
}

static void test_device_that_begins_with_little(void)
{
    readings_begin();
    DRAWS(9, 9, 25, 9, WP_UNPLUG_MA, 20, 300, 300); /* the little right before, but not behind a pause */
    SEEN(".......P6");
    CHECK_EQUAL(latest.t_ms, 5000);
    readings_begin();
    DRAWS(0, WP_UNPLUG_MA - 1, WP_UNPLUG_MA, 20, 300, 300, 300);
    SEEN("......P5");
    CHECK_EQUAL(latest.t_ms, 4000);
    readings_begin();
    DRAWS(12, 12, 12, 12, 12, 12, 12, 12, 12, 300, 300, 300); /* as far as the window remembers */
    SEEN("...........P8");
}

static void test_charge_begins_with_its_first_sample(void)
{
    const wp_reading third = {WP_SENSOR_OK, 5003, 603, 0};
    readings_begin();
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
    readings_begin();
    DRAWS(900, 900, 0, 0, 0, 0, 0, 0, 900, 0, 0, 0, 0, 0, 0, 900, 0, 0);
    SEEN("..................");
}

static void test_device_that_draws_in_bursts(void)
{
    readings_begin();
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
    DRAWS(300, 0, 0, 0, 300, 0, 0, 300); /* the whole window, and one more */
    SEEN(".......P8");
    readings_begin();
    DRAWS(300, 0, 0, 0, 0, 300, 0, 0, 300);
    SEEN(".........");
}

static void test_current_between_the_limits_keeps_a_charge(void)
{
    readings_begin_plugged();
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
    readings_begin_plugged();
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
    readings_begin_plugged();
    tapered = true;
    draws_for(WP_UNPLUG_REST_READINGS - 1, 5000, 2);
    DRAWS(40);
    draws_for(WP_UNPLUG_REST_READINGS - 1, 5000, -2);
    SAMPLES(2 * WP_UNPLUG_REST_READINGS - 1);
    DRAWS(2);
    SEEN("U");
    readings_begin_plugged();
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
    readings_begin_plugged();
    draws_for(5, 5000, 500);
    draws_for(3, 0, 0);
    SEEN("1111111U");
    DRAWS(700, 700, 700);
    SEEN("..P3");
    CHECK_EQUAL(latest.t_ms, 2000);
    draws_for(WP_UNPLUG_READINGS, 5000, 0);
    check_clear(&seen);
    DRAWS(700, 700, 700);
    SEEN("..P3");
    draws_for(WP_UNPLUG_READINGS - 1, 5000, 0); /* what ended the charge before does not count again */
    SAMPLES(WP_UNPLUG_READINGS - 1);
}

static void test_time_in_small_and_large_steps(void)
{
    readings_begin();
    for (uint32_t k = 0; k < 3001; k++) {
        pass(333);
    }
    CHECK_EQUAL(live.now_ms, 999);
    CHECK_EQUAL(live.rest_us, 333);
    pass(UINT32_MAX); /* 71 minutes, as far as the clock can tell */
    CHECK_EQUAL(live.now_ms, 999u + 4294967u);
    CHECK_EQUAL(live.rest_us, 333 + 295);
    pass(0);
    CHECK_EQUAL(live.now_ms, 999u + 4294967u);
}

static void test_measurements_keep_their_beat(void)
{
    const wp_reading idle = {WP_SENSOR_OK, 5000, 0, 0};
    readings_begin();
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
    CHECK_TRUE(wp_live_is_due(&live));
    take(&idle); /* one measurement, not 3599 */
    CHECK_EQUAL(wp_live_wait_us(&live), 1000000);
}

/* 49 days after power-up the milliseconds wrap; nothing is seen of it. */
static void test_board_older_than_49_days(void)
{
    readings_begin();
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
    readings_begin_plugged();
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
    readings_begin();
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
    RUN(test_device_that_begins_with_little);
    RUN(test_charge_begins_with_its_first_sample);
    RUN(test_blips_are_no_plug);
    RUN(test_device_that_draws_in_bursts);
    RUN(test_current_between_the_limits_keeps_a_charge);
    RUN(test_output_switched_off_is_an_unplug_at_once);
    RUN(test_device_at_rest_keeps_its_charge_for_a_while);
    RUN(test_next_charge_starts_afresh);
    RUN(test_time_in_small_and_large_steps);
    RUN(test_measurements_keep_their_beat);
    RUN(test_board_older_than_49_days);
    RUN(test_charge_longer_than_49_days);
    RUN(test_any_readings);
    return check_end();
}
