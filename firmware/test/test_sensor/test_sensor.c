/* When the sensor is not believed, and what that does to a charge. */
#include "readings.h"

static void test_short_fault_leaves_a_gap(void)
{
    readings_begin_plugged();
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
    readings_begin_plugged();
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
    readings_begin_plugged();
    reads(0, 0);
    fails(30, WP_SENSOR_SATURATED); /* decides nothing, and forgets nothing */
    check_clear(&seen);
    reads(0, 0);
    reads(0, 0);
    SEEN("W1U");
    readings_begin_plugged();
    fails(30, WP_SENSOR_NO_ANSWER);
    check_clear(&seen);
    draws_for(WP_UNPLUG_READINGS, 5000, 0);
    SEEN("W111111" "1111111" "1U");
}

static void test_fault_without_a_charge_is_told_too(void)
{
    readings_begin();
    fails(100, WP_SENSOR_NO_ANSWER);
    CHECK_EQUAL(seen.length, 100);
    CHECK_EQUAL(seen.text[0], 'F');
    check_clear(&seen);
    DRAWS(0, 500);
    fails(2, WP_SENSOR_NO_ANSWER);
    DRAWS(500, 500); /* the reading before the fault counts */
    SEEN("W.F.WP3");
    CHECK_EQUAL(latest.t_ms, 4000);
    readings_begin();
    DRAWS(500, 500);
    fails(60, WP_SENSOR_NO_ANSWER);
    check_clear(&seen);
    DRAWS(500, 500, 500); /* too long ago to count */
    SEEN("W.P3");
}

static void test_sensor_that_stands_still(void)
{
    readings_begin_plugged();
    draws_for(200, 5000, 500); /* mV and mA may stand still, while the bits below move */
    SAMPLES(200);
    stands_still(WP_FROZEN_READINGS, 500); /* the first is new */
    SAMPLES(WP_FROZEN_READINGS);
    stands_still(59, 500);
    CHECK_EQUAL(seen.text[0], 'F');
    CHECK_EQUAL(live.fault, WP_SENSOR_FROZEN);
    CHECK_EQUAL(seen.length, 59);
    check_clear(&seen);
    DRAWS(500);
    SEEN("W1");
    stands_still(WP_FROZEN_READINGS + 61, 500); /* a minute to see it, a minute to end the charge */
    CHECK_EQUAL(seen.text[WP_FROZEN_READINGS], 'F');
    CHECK_EQUAL(seen.text[seen.length - 1], 'U');
    CHECK_EQUAL(seen.length, WP_FROZEN_READINGS + 61);
}

static void test_nothing_may_stand_still(void)
{
    readings_begin();
    stands_still(3 * WP_FROZEN_READINGS, WP_PLUG_MA - 1);
    CHECK_EQUAL(live.fault, WP_SENSOR_OK);
    CHECK_EQUAL(seen.length, 3 * WP_FROZEN_READINGS);
    stands_still(WP_FROZEN_READINGS - 1, WP_PLUG_MA); /* but the least current may not */
    CHECK_EQUAL(live.fault, WP_SENSOR_OK);
    stands_still(1, WP_PLUG_MA);
    CHECK_EQUAL(live.fault, WP_SENSOR_FROZEN);
}

static void test_failed_readings_do_not_hide_a_sensor_that_stands_still(void)
{
    readings_begin_plugged();
    for (uint32_t k = 0; k <= WP_FROZEN_READINGS; k++) {
        stands_still(1, 500);
        fails(k % 3 == 0 ? 1 : 0, WP_SENSOR_NO_ANSWER);
    }
    CHECK_EQUAL(live.fault, WP_FROZEN_READINGS % 3 == 0 ? WP_SENSOR_NO_ANSWER : WP_SENSOR_FROZEN);
    stands_still(1, 500);
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
    readings_begin_plugged();
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
    readings_begin_plugged();
    pass(59000000);
    DRAWS(500);
    SEEN("1");
    CHECK_EQUAL(latest.t_ms, 62000);
    pass(59001000);
    DRAWS(500, 500, 500);
    SEEN("U.P3");
}

int main(void)
{
    check_begin();
    RUN(test_short_fault_leaves_a_gap);
    RUN(test_long_fault_ends_the_charge_while_it_lasts);
    RUN(test_unplug_during_a_fault);
    RUN(test_fault_without_a_charge_is_told_too);
    RUN(test_sensor_that_stands_still);
    RUN(test_nothing_may_stand_still);
    RUN(test_failed_readings_do_not_hide_a_sensor_that_stands_still);
    RUN(test_values_that_cannot_be);
    RUN(test_time_without_measurement_ends_a_charge);
    return check_end();
}
