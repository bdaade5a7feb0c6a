/* Live mode on the wire: the board's own samples, their answers, and the events around them. */
#include <string.h>

#include "bench.h"

/* Appends the lines of sample k of a charge, and of its answer. */
static void want_sample(const wp_sample samples[], uint32_t k)
{
    check_text_buffer body;
    const int64_t fields[] = {k, samples[k].t_ms, samples[k].voltage_mv, samples[k].current_ma};
    check_clear(&body);
    check_append(&body, "L");
    for (size_t i = 0; i < 4; i++) {
        check_append(&body, fields[i] < 0 ? ",-" : ",");
        check_append_hex(&body, (uint64_t)(fields[i] < 0 ? -fields[i] : fields[i]), 0);
    }
    check_append_line(&want, body.text);
    check_append_line(&want, prediction(k, samples, k + 1));
}

static void check_sent(int line)
{
    check_text(sent.text, want.text, __FILE__, line);
    check_clear(&sent);
    check_clear(&want);
}
#define CHECK_SENT() check_sent(__LINE__)

/* Plugged in, with n samples of constant values. */
static void start_plugged(uint32_t n)
{
    start_live();
    for (uint32_t k = 0; k < n; k++) {
        (void)second(5000, 2000);
    }
    check_clear(&sent);
}

static void test_starts_live_and_is_quiet_when_idle(void)
{
    start_live();
    CHECK_EQUAL(board.mode, WP_MODE_LIVE);
    CHECK_EQUAL(wp_board_tick(&board), 1000000); /* measures at once */
    CHECK_EQUAL(second(5000, 3), 1000000);
    for (uint32_t k = 0; k < 100; k++) {
        (void)second(5000, 3);
    }
    CHECK_SENT();
}

static void test_hello_comes_first(void)
{
    start_live();
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &port), WP_OK);
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    CHECK_SENT();
}

static void test_charges(void)
{
    static const wp_sample first[] = {
        {0, 5000, 2000}, {1000, 5001, 2001}, {2000, 4999, 1999}, {3000, 9000, -3}, {4000, -12, 0}, {5000, 0, 2}};
    static const wp_sample second_charge[] = {{0, 5000, 30}, {1000, 5000, 31}, {2000, 5000, 32}};
    start_live();
    (void)second(5000, 0);
    for (size_t k = 0; k < 6; k++) {
        (void)second(first[k].voltage_mv, first[k].current_ma);
    }
    check_append_line(&want, "E,1,1");
    for (uint32_t k = 0; k < 6; k++) {
        want_sample(first, k);
    }
    CHECK_SENT();
    CHECK_EQUAL(board.n_answered, 6);
    CHECK_EQUAL(board.next_sequence, 6);
    (void)second(12, 2);
    check_append_line(&want, "E,2,1");
    CHECK_SENT();
    for (size_t k = 0; k < 3; k++) {
        (void)second(second_charge[k].voltage_mv, second_charge[k].current_ma);
    }
    check_append_line(&want, "E,1,2");
    for (uint32_t k = 0; k < 3; k++) {
        want_sample(second_charge, k);
    }
    CHECK_SENT();
}

static void test_faults(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}, {2000, 5000, 2000}, {6000, 5000, 2000}};
    start_plugged(3);
    second_of_fault(WP_SENSOR_NO_ANSWER);
    second_of_fault(WP_SENSOR_NO_ANSWER);
    second_of_fault(WP_SENSOR_SATURATED);
    (void)second(5000, 2000);
    check_append_line(&want, "E,3,1");
    check_append_line(&want, "E,3,2");
    check_append_line(&want, "E,4,0");
    want_sample(samples, 3);
    CHECK_SENT();
    (void)second(WP_READING_MAX_MV + 1, 2000);
    check_append_line(&want, "E,3,4");
    CHECK_SENT();
    for (uint32_t k = 0; k < 60; k++) {
        second_of_fault(WP_SENSOR_NO_ANSWER);
    }
    check_append_line(&want, "E,3,1");
    check_append_line(&want, "E,2,1");
    CHECK_SENT();
}

static void test_frozen_sensor(void)
{
    start_plugged(3);
    for (uint32_t k = 0; k < 61; k++) {
        world.reading.raw = 7;
        (void)second(5000, 2000);
    }
    check_append_line(&want, "E,3,3");
    CHECK_TRUE(sent.length > want.length);
    CHECK_TRUE(board.live.fault == WP_SENSOR_FROZEN);
    CHECK_EQUAL(board.n_answered, 3 + 60);
}

static void test_host_that_comes_in_mid_charge(void)
{
    start_plugged(5);
    receive_line("H");
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    check_append_line(&want, "C,80");
    check_append_line(&want, "E,1,1");
    CHECK_SENT();
    second_of_fault(WP_SENSOR_SATURATED);
    receive_line("H");
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    check_append_line(&want, "C,80");
    check_append_line(&want, "E,1,1");
    check_append_line(&want, "E,3,2");
    CHECK_SENT();
    receive_line("M,1");
    receive_line("H");
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    check_append_line(&want, "C,80");
    CHECK_SENT();
}

static void test_host_cannot_disturb_a_live_charge(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}, {2000, 5000, 2000}, {3000, 5000, 2000}};
    start_plugged(3);
    CHECK_ANSWER("S,3,BB8,1388,7D0", "N,3,4,3");
    CHECK_ANSWER("S,2,7D0,1388,7D0", "N,2,4,3");
    CHECK_ANSWER("R,63", "R,63");
    CHECK_ANSWER("M,0", "M,0");
    check_clear(&sent);
    check_clear(&want);
    (void)second(5000, 2000);
    want_sample(samples, 3);
    CHECK_SENT();
}

static void test_change_of_mode_ends_the_charge(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}};
    start_plugged(5);
    receive_line("M,1");
    check_append_line(&want, "E,2,1");
    check_append_line(&want, "M,1");
    CHECK_SENT();
    CHECK_EQUAL(second(5000, 2000), WP_WAIT_FOR_EVER);
    CHECK_SENT();
    CHECK_ANSWER("S,4,FA0,1388,7D0", "N,4,1,0");
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
    CHECK_ANSWER("M,0", "M,0");
    CHECK_ANSWER("S,1,3E8,1388,7D0", "N,1,4,0");
    check_clear(&sent);
    check_clear(&want);
    (void)second(5000, 2000);
    (void)second(5000, 2000);
    CHECK_SENT();
    (void)second(5000, 2000); /* still plugged in: another charge */
    check_append_line(&want, "E,1,2");
    sent.text[want.length] = '\0';
    CHECK_SENT();
    CHECK_EQUAL(board.next_sequence, 3);
}

static void test_change_of_mode_between_charges_is_silent(void)
{
    start_live();
    (void)second(5000, 2000);
    (void)second(5000, 2000);
    CHECK_ANSWER("M,1", "M,1");
    CHECK_ANSWER("M,0", "M,0");
    check_clear(&sent);
    check_clear(&want);
    (void)second(5000, 2000); /* what was seen before has been forgotten */
    (void)second(5000, 0);
    CHECK_SENT();
}

/* A charge, a taper, and rest: "full" is said before the charge ends, and the device's load keeps it. */
static void test_charge_to_the_full(void)
{
    bool full = false;
    start_live();
    for (int32_t k = 0; k < 300; k++) {
        (void)second(5000, 1000);
    }
    for (int32_t k = 0; k < 450; k++) {
        (void)second(5000, 1000 - 2 * k); /* down to 100 mA */
    }
    for (int32_t k = 0; k < 400; k++) { /* an idle device's load: small, but current */
        (void)second(5000, 12 - k % 3);
    }
    CHECK_TRUE(board.live.plugged);
    CHECK_EQUAL(board.charge.features.phase, WP_PHASE_FULL);
    for (uint32_t k = 0; k < 300 && board.live.plugged; k++) {
        (void)second(5000, 1);
        CHECK_EQUAL(k < 239, board.live.plugged);
    }
    start_live();
    for (int32_t k = 0; k < 300; k++) {
        (void)second(5000, 1000);
    }
    for (int32_t k = 0; k < 450; k++) {
        (void)second(5000, 1000 - 2 * k);
    }
    for (uint32_t k = 0; k < 239; k++) { /* a charger that switches off */
        (void)second(5000, 1);
        full = full || board.charge.features.phase == WP_PHASE_FULL;
    }
    CHECK_TRUE(full);
    CHECK_TRUE(board.live.plugged);
}

static void test_unplug_in_mid_charge_is_told_soon(void)
{
    start_plugged(300);
    for (uint32_t k = 0; k < 14; k++) {
        (void)second(5000, 1);
    }
    check_clear(&sent);
    (void)second(5000, 1);
    check_append_line(&want, "E,2,1");
    CHECK_SENT();
}

/* Sequence numbers, times and clocks at their ends. */
static void test_everything_wraps(void)
{
    start_plugged(3);
    board.live.begin_ms = board.live.now_ms + 500u; /* a charge of 49 days: t_ms wraps */
    board.charge.features.t_ms = 0xFFFFFFFFu - 499u;
    board.next_sequence = 0xFFFFFFFFu;
    (void)second(5000, 2000);
    (void)second(5000, 2000);
    check_append(&want, "$L,FFFFFFFF,1F4,1388,7D0*");
    CHECK_EQUAL(memcmp(sent.text, want.text, want.length), 0);
    CHECK_EQUAL(board.next_sequence, 1);
    CHECK_EQUAL(board.charge.features.t_ms, 1500);
    CHECK_EQUAL(board.charge.features.elapsed_ms, 4000);
}

static void test_a_late_board_skips_and_says_when(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}, {2000, 5000, 2000}, {6700, 5000, 2000}};
    start_plugged(3);
    world.now_us += 3700000u;
    CHECK_EQUAL(second(5000, 2000), 1000000);
    want_sample(samples, 3);
    CHECK_SENT();
    CHECK_EQUAL(wp_board_tick(&board), 1000000);
    CHECK_SENT();
    world.step_us = 2500;
    CHECK_EQUAL(second(5000, 0), 1000000 - 3 * 2500); /* the time it works does not delay the next */
}

int main(void)
{
    check_begin();
    RUN(test_starts_live_and_is_quiet_when_idle);
    RUN(test_hello_comes_first);
    RUN(test_charges);
    RUN(test_faults);
    RUN(test_frozen_sensor);
    RUN(test_host_that_comes_in_mid_charge);
    RUN(test_host_cannot_disturb_a_live_charge);
    RUN(test_change_of_mode_ends_the_charge);
    RUN(test_change_of_mode_between_charges_is_silent);
    RUN(test_charge_to_the_full);
    RUN(test_unplug_in_mid_charge_is_told_soon);
    RUN(test_everything_wraps);
    RUN(test_a_late_board_skips_and_says_when);
    return check_end();
}
