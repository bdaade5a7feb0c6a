/* Settings on the wire. */
#include "bench.h"

static void check_sent(int line)
{
    check_text(sent.text, want.text, __FILE__, line);
    check_clear(&sent);
    check_clear(&want);
}
#define CHECK_SENT() check_sent(__LINE__)

static void test_lists_all(void)
{
    start_with_settings();
    receive_line("V");
    check_append_line(&want, "V,0,7,-A,14,2");
    check_append_line(&want, "V,1,-3,-80000000,-1,2");
    CHECK_SENT();
}

static void test_sets_one(void)
{
    start_with_settings();
    CHECK_ANSWER("W,0,14", "V,0,14,-A,14,2");
    CHECK_ANSWER("W,0,-A", "V,0,-A,-A,14,2");
    CHECK_ANSWER("W,1,-80000000", "V,1,-80000000,-80000000,-1,2");
    CHECK_EQUAL(world.n_kept, 3);
    CHECK_EQUAL(world.settings[0].value, -10);
    CHECK_EQUAL(world.settings[1].value, INT32_MIN);
}

/* Flash wears out. */
static void test_same_value_is_not_written_again(void)
{
    start_with_settings();
    CHECK_ANSWER("W,0,7", "V,0,7,-A,14,2");
    CHECK_EQUAL(world.n_kept, 0);
}

static void test_refuses(void)
{
    start_with_settings();
    CHECK_ANSWER("W,0,15", "X,4");
    CHECK_ANSWER("W,0,-B", "X,4");
    CHECK_ANSWER("W,1,0", "X,4");
    CHECK_ANSWER("W,2,0", "X,3");
    CHECK_ANSWER("W,100,0", "X,3"); /* not number 0 */
    CHECK_ANSWER("W,FFFFFFFF,0", "X,3");
    CHECK_ANSWER("W,-1,0", "X,2");
    CHECK_ANSWER("W,0", "X,2");
    CHECK_ANSWER("W", "X,2");
    CHECK_ANSWER("V,0", "X,2");
    CHECK_ANSWER("W,0,1,2", "X,2");
    CHECK_ANSWER("W,0,80000000", "X,2");
    CHECK_ANSWER("W,1,-80000001", "X,2");
    world.flash_fails = true;
    CHECK_ANSWER("W,0,8", "X,5");
    CHECK_EQUAL(world.n_kept, 0);
    CHECK_ANSWER("W,0,7", "V,0,7,-A,14,2");
}

static void test_board_without_settings(void)
{
    start();
    CHECK_ANSWER("V", "X,3");
    CHECK_ANSWER("W,0,1", "X,3");
}

static void test_injected_charge_goes_on(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}, {2000, 5000, 2000}};
    start_with_settings();
    inject_charge(0, 2);
    CHECK_ANSWER("W,0,1", "V,0,1,-A,14,2");
    CHECK_ANSWER("S,2,7D0,1388,7D0", prediction(2, samples, 3));
}

/* A charge of two scales would be none. */
static void test_live_charge_ends(void)
{
    start_live_with_settings();
    for (uint32_t k = 0; k < 5; k++) {
        (void)second(5000, 2000);
    }
    CHECK_ANSWER("W,0,7", "V,0,7,-A,14,2"); /* nothing has changed */
    check_clear(&want);
    receive_line("W,0,8");
    check_append_line(&want, "V,0,8,-A,14,2");
    check_append_line(&want, "E,2,1");
    CHECK_SENT();
    CHECK_EQUAL(board.mode, WP_MODE_LIVE);
    for (uint32_t k = 0; k < 3; k++) {
        (void)second(5000, 2000);
    }
    check_append_line(&want, "E,1,2");
    sent.text[want.length] = '\0';
    CHECK_SENT();
    CHECK_EQUAL(board.next_sequence, 3);
}

static void test_nothing_plugged_in_nothing_to_end(void)
{
    start_live_with_settings();
    CHECK_ANSWER("W,0,8", "V,0,8,-A,14,2");
    CHECK_EQUAL(board.mode, WP_MODE_LIVE);
}

static void test_sensor_that_is_set_to_none(void)
{
    start_live_with_settings();
    for (uint32_t k = 0; k < 5; k++) {
        (void)second(5000, 2000);
    }
    world.sensor_leaves = true;
    check_clear(&want);
    receive_line("W,0,8");
    check_append_line(&want, "V,0,8,-A,14,2");
    check_append_line(&want, "E,2,1");
    check_append_line(&want, "M,1");
    CHECK_SENT();
    CHECK_EQUAL(wp_board_tick(&board), WP_WAIT_FOR_EVER);
    CHECK_ANSWER("M,0", "N,0,4,0");
}

static void test_sensor_that_is_set(void)
{
    start_with_settings();
    CHECK_ANSWER("M,0", "N,0,4,0");
    world.sensor_appears = true;
    CHECK_ANSWER("W,0,8", "V,0,8,-A,14,2");
    CHECK_EQUAL(board.mode, WP_MODE_INJECTED); /* until the host says so */
    CHECK_ANSWER("M,0", "M,0");
    const uint32_t wait_us = wp_board_tick(&board);
    CHECK_TRUE(wait_us > 999000 && wait_us <= 1000000); /* it measures */
}

int main(void)
{
    check_begin();
    RUN(test_lists_all);
    RUN(test_sets_one);
    RUN(test_same_value_is_not_written_again);
    RUN(test_refuses);
    RUN(test_board_without_settings);
    RUN(test_injected_charge_goes_on);
    RUN(test_live_charge_ends);
    RUN(test_nothing_plugged_in_nothing_to_end);
    RUN(test_sensor_that_is_set_to_none);
    RUN(test_sensor_that_is_set);
    return check_end();
}
