/* The board's side of the wire: requests, damage, counters. Samples: test_sequence; its own: test_live_board. */
#include <string.h>

#include "bench.h"

static void test_start_says_hello(void)
{
    start();
    check_clear(&want);
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &port), WP_OK);
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    CHECK_TEXT(sent.text, want.text);
}

static void test_model_of_another_core_is_refused_in_silence(void)
{
    wp_model other = wp_model_generated;
    other.abi++;
    start();
    CHECK_EQUAL(wp_board_init(&board, &other, &port), WP_ERROR_MODEL);
    CHECK_TEXT(sent.text, "");
}

static void test_hello_on_request(void)
{
    start();
    receive_line("H");
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    check_append_line(&want, "C,80");
    CHECK_TEXT(sent.text, want.text);
}

static void test_modes(void)
{
    start();
    CHECK_ANSWER("M,1", "M,1");
    CHECK_ANSWER("M,0", "N,0,4,0");
    CHECK_ANSWER("M,2", "X,2");
    CHECK_ANSWER("M,-1", "X,2");
    CHECK_EQUAL(board.n_refused, 1);
}

static void test_mode_in_force_keeps_the_charge(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}};
    start();
    inject_charge(0, 1);
    CHECK_ANSWER("M,1", "M,1");
    CHECK_ANSWER("M,0", "N,1,4,1");
    CHECK_ANSWER("S,1,3E8,1388,7D0", prediction(1, samples, 2));
}

static void test_no_sensor_nothing_to_do(void)
{
    start();
    CHECK_EQUAL(wp_board_tick(&board), WP_WAIT_FOR_EVER);
    CHECK_TEXT(sent.text, "");
}

static void test_wrong_fields(void)
{
    static const char *const wrong[] = {"H,0",       "R",           "R,0,0",       "R,-1",           "M",
                                        "M,1,1",     "T,0",         "S",           "S,0,0,0",        "S,0,0,0,0,0",
                                        "S,-1,0,0,0", "S,0,-1,0,0", "S,0,0,80000000,0", "S,0,0,0,-80000001"};
    start();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_ANSWER(wrong[i], "X,2");
    }
    CHECK_ANSWER("P,0", "X,1");
    CHECK_ANSWER("A", "X,1");
    CHECK_EQUAL(board.n_damaged, 0);
    CHECK_EQUAL(board.n_answered, 0);
}

static void test_damage_is_counted_and_dropped(void)
{
    start();
    receive("$S,0,0,1388,7D0*00000000\n");
    receive("$S,00,0,1388,7D0*00000000\n");
    receive("$\n");
    receive("$S,0,0,1388,7D0*00000000 and so on, for longer than any line may be on this wire\n");
    CHECK_EQUAL(board.n_damaged, 4);
    receive("\n");
    receive("a log\n");
    receive("a log that is longer than any line may be on this wire, so that it does not fit the buffer $\n");
    CHECK_EQUAL(board.n_damaged, 4);
    CHECK_TEXT(sent.text, "");
    CHECK_ANSWER("S,01,0,1388,7D0", ""); /* a good CRC over a number with a leading zero */
    CHECK_EQUAL(board.n_damaged, 5);
    CHECK_ANSWER("M,1", "M,1");
}

static void test_line_that_goes_on_after_a_whole_one_is_damaged(void)
{
    static check_text_buffer line;
    start();
    check_clear(&line);
    check_append_line(&line, "Z,11111111,22222222,33333333,44444444,55555555,66666"); /* as long as a line may be */
    receive(line.text);
    check_append_line(&want, "X,1");
    CHECK_TEXT(sent.text, want.text);
    line.text[line.length - 1] = '0';
    receive(line.text);
    receive("\n");
    CHECK_TEXT(sent.text, want.text);
    CHECK_EQUAL(board.n_damaged, 1);
}

static void check_counters(const char *const values[])
{
    check_text_buffer body;
    receive_line("T");
    check_clear(&want);
    for (uint32_t k = 0; values[k] != NULL; k++) {
        check_clear(&body);
        check_append(&body, "T,");
        check_append_hex(&body, k, 0);
        check_append(&body, ",");
        check_append(&body, values[k]);
        check_append_line(&want, body.text);
    }
    CHECK_TEXT(sent.text, want.text);
}

static void test_counters(void)
{
    static const char *const first[] = {"0", "0", "0", "0", "0", "0", "0", "0", "0", "FFFFFFFF", "1", NULL};
    static const char *const later[] = {"3", "1", "1", "F", "28", "3", "5", "2BC", "0", "1A4", "1", NULL};
    static const char *const reset[] = {"3", "1", "1", "F", "28", "7", "5", "2BC", "0", "1A4", "1", NULL};
    start();
    world.stack_bytes = WP_NOT_KNOWN;
    check_counters(first);
    inject_charge(0, 2); /* an answer takes 40 us and 700 ticks, and both clocks wrap */
    world.step_us = 15;
    world.step_ticks = 5;
    world.stack_bytes = 420;
    receive_line("S,2,7D0,1388,7D0");
    receive_line("S,9,7D0,1388,7D0");
    receive("$\n");
    check_counters(later);
    receive_line("R,7"); /* counters go on, the sequence does not */
    check_counters(reset);
}

static void test_ticks_with_a_rate_are_the_stopwatch(void)
{
    static const char *const fine[] = {"1", "0", "0", "AF", "AF", "1", "2BC", "2BC", "3D0900", "0", "1", NULL};
    static const char *const slow[] = {"2",        "0",        "0", "FFFFFFFF", "FFFFFFFF", "2",
                                       "EE6B2800", "EE6B2800", "1", "0",        "1",        NULL};
    start();
    port.ticks_per_s = 4000000; /* 700 ticks are 175 us */
    inject_charge(0, 1);
    check_counters(fine);
    port.ticks_per_s = 1; /* 4000 million us are 2^32 - 1 at most */
    world.step_ticks = 4000000000u;
    receive_line("S,1,3E8,1388,7D0");
    check_counters(slow);
}

static void test_port_that_leaves_something_out_is_refused_in_silence(void)
{
    wp_port good;
    start();
    good = port;
    CHECK_EQUAL(wp_port_check(&good), WP_OK);
    CHECK_EQUAL(wp_port_check(NULL), WP_ERROR_PORT);
    for (uint32_t k = 0; k < 7; k++) {
        wp_port bad = good;
        switch (k) {
        case 0:
            bad.write = NULL;
            break;
        case 1:
            bad.clock_us = NULL;
            break;
        case 2:
            bad.ticks = NULL;
            break;
        case 3:
            bad.stack_bytes = NULL;
            break;
        case 4:
            bad.sensor = (wp_sensor)0; /* has forgotten to say */
            break;
        case 5:
            bad.n_settings = 1; /* but nobody to ask for it */
            break;
        default:
            bad.sensor = WP_SENSOR_PRESENT; /* but nothing to ask */
            break;
        }
        CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &bad), WP_ERROR_PORT);
    }
    start_live();
    good = port;
    good.sensor = WP_SENSOR_ABSENT; /* but something that measures */
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &good), WP_ERROR_PORT);
    CHECK_TEXT(sent.text, "");
}

static void test_any_bytes_leave_a_board_that_answers(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}};
    uint32_t random = 1;
    start();
    for (uint32_t i = 0; i < 20000; i++) {
        random = random * 1664525u + 1013904223u; /* Numerical Recipes' generator */
        const uint8_t byte = (uint8_t)(random >> 24);
        check_clear(&sent);
        wp_board_receive(&board, &byte, 1);
    }
    receive("\n");
    CHECK_ANSWER("R,0", "R,0");
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
}

int main(void)
{
    check_begin();
    RUN(test_start_says_hello);
    RUN(test_model_of_another_core_is_refused_in_silence);
    RUN(test_hello_on_request);
    RUN(test_modes);
    RUN(test_mode_in_force_keeps_the_charge);
    RUN(test_no_sensor_nothing_to_do);
    RUN(test_wrong_fields);
    RUN(test_damage_is_counted_and_dropped);
    RUN(test_line_that_goes_on_after_a_whole_one_is_damaged);
    RUN(test_counters);
    RUN(test_ticks_with_a_rate_are_the_stopwatch);
    RUN(test_port_that_leaves_something_out_is_refused_in_silence);
    RUN(test_any_bytes_leave_a_board_that_answers);
    return check_end();
}
