/* Injected samples: what is answered, answered again, or refused. */
#include <string.h>

#include "bench.h"

static void test_samples_are_answered(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, -3}, {2500, -1, 900}};
    start();
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
    CHECK_ANSWER("S,1,3E8,1388,-3", prediction(1, samples, 2));
    CHECK_ANSWER("S,2,9C4,-1,384", prediction(2, samples, 3));
}

static void test_first_answer_by_hand(void)
{
    start();
    receive_line("S,0,0,1388,7D0");
    /* Above 1 A: device 1, margin 1024 ahead, so 2/3 = 667 permille. Model at 0 s: 3000, 3600, 4800 s. Pre-charge. */
    check_append(&want, "$P,0,1,29B,BB8,E10,12C0,0,");
    sent.text[want.length] = '\0';
    CHECK_TEXT(sent.text, want.text);
}

static void test_line_in_pieces_and_several_at_once(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}};
    static check_text_buffer lines;
    start();
    check_clear(&lines);
    check_append_line(&lines, "S,0,0,1388,7D0");
    check_append_line(&lines, "S,1,3E8,1388,7D0");
    check_append_line(&want, prediction(0, samples, 1));
    check_append_line(&want, prediction(1, samples, 2));
    for (size_t i = 0; i < lines.length; i++) {
        wp_board_receive(&board, (const uint8_t *)&lines.text[i], 1);
    }
    CHECK_TEXT(sent.text, want.text);
    receive_line("R,0");
    check_clear(&sent);
    receive(lines.text);
    CHECK_TEXT(sent.text, want.text);
}

static void test_eight_latest_are_answered_again(void)
{
    static wp_sample samples[20];
    static const char *const again[] = {"S,C,2EE0,1388,7D0",  "S,D,32C8,1388,7D0",  "S,E,36B0,1388,7D0",
                                        "S,F,3A98,1388,7D0",  "S,10,3E80,1388,7D0", "S,11,4268,1388,7D0",
                                        "S,12,4650,1388,7D0", "S,13,4A38,1388,7D0"};
    for (uint32_t i = 0; i < 20; i++) {
        samples[i] = (wp_sample){1000u * i, 5000, 2000};
    }
    start();
    inject_charge(0, 20);
    const wp_board before = board;
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_ANSWER(again[i], prediction(12 + i, samples, 13 + i));
    }
    CHECK_EQUAL(memcmp(&before.charge, &board.charge, sizeof board.charge), 0);
    CHECK_EQUAL(board.n_answered, 20);
    CHECK_EQUAL(board.n_refused, 0);
    CHECK_ANSWER("S,B,2AF8,1388,7D0", "N,B,2,14");
    CHECK_ANSWER("S,0,0,1388,7D0", "N,0,2,14");
}

static void test_repeat_with_other_values_is_refused(void)
{
    static const char *const other[] = {"S,2,7D1,1388,7D0", "S,2,7D0,1389,7D0", "S,2,7D0,1388,-7D0"};
    start();
    inject_charge(0, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_ANSWER(other[i], "N,2,5,3");
    }
    CHECK_EQUAL(board.n_refused, 3);
    CHECK_EQUAL(board.next_sequence, 3);
}

static void test_gap_goes_back(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}};
    start();
    CHECK_ANSWER("S,1,0,1388,7D0", "N,1,1,0");
    CHECK_ANSWER("S,7FFFFFFF,0,1388,7D0", "N,7FFFFFFF,1,0");
    CHECK_ANSWER("S,80000000,0,1388,7D0", "N,80000000,2,0");
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
    CHECK_ANSWER("S,2,7D0,1388,7D0", "N,2,1,1");
    CHECK_ANSWER("S,1,3E8,1388,7D0", prediction(1, samples, 2));
}

static void test_sequence_wraps(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}, {1000, 5000, 2000}, {2000, 5000, 2000}, {3000, 5000, 2000}};
    start();
    inject_charge(0xFFFFFFFEu, 3);
    CHECK_EQUAL(board.next_sequence, 1);
    CHECK_ANSWER("S,FFFFFFFE,0,1388,7D0", prediction(0xFFFFFFFEu, samples, 1));
    CHECK_ANSWER("S,0,7D0,1388,7D0", prediction(0, samples, 3));
    CHECK_ANSWER("S,FFFFFFFD,0,1388,7D0", "N,FFFFFFFD,2,1");
    CHECK_ANSWER("S,2,FA0,1388,7D0", "N,2,1,1");
    CHECK_ANSWER("S,1,BB8,1388,7D0", prediction(1, samples, 4));
}

static void test_reset_forgets_everything(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}};
    start();
    inject_charge(0, 10);
    CHECK_ANSWER("R,A", "R,A");
    CHECK_ANSWER("S,9,2328,1388,7D0", "N,9,2,A"); /* the answer is still in memory, but belongs to the charge before */
    CHECK_ANSWER("S,A,0,1388,7D0", prediction(10, samples, 1));
    CHECK_ANSWER("S,9,2328,1388,7D0", "N,9,2,B");
    CHECK_ANSWER("S,A,0,1388,7D0", prediction(10, samples, 1));
    CHECK_ANSWER("R,FFFFFFFF", "R,FFFFFFFF");
    CHECK_EQUAL(board.next_sequence, 0xFFFFFFFFu);
}

static void test_time_that_stands_still_is_not_consumed(void)
{
    static const wp_sample samples[] = {{5000, 5000, 2000}, {5001, 5000, 2000}};
    start();
    CHECK_ANSWER("S,0,1388,1388,7D0", prediction(0, samples, 1));
    CHECK_ANSWER("S,1,1388,1388,7D0", "N,1,3,1");
    CHECK_ANSWER("S,1,1387,1388,7D0", "N,1,3,1");
    CHECK_ANSWER("S,1,80001388,1388,7D0", "N,1,3,1");
    CHECK_EQUAL(board.n_refused, 3);
    CHECK_EQUAL(board.n_answered, 1);
    CHECK_ANSWER("S,1,1389,1388,7D0", prediction(1, samples, 2));
}

static void test_refused_time_keeps_the_eighth_latest(void)
{
    static const wp_sample samples[] = {{0, 5000, 2000}};
    start();
    inject_charge(0, 8);
    CHECK_ANSWER("S,8,0,1388,7D0", "N,8,3,8"); /* would go where the answer to 0 is kept */
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
}

static void test_extreme_samples_are_answered(void)
{
    static const wp_sample samples[] = {{0xFFFFFFFFu, INT32_MIN, INT32_MAX}, {0x7FFFFFFEu, INT32_MAX, INT32_MIN}};
    start();
    CHECK_ANSWER("S,0,FFFFFFFF,-80000000,7FFFFFFF", prediction(0, samples, 1));
    CHECK_ANSWER("S,1,7FFFFFFE,7FFFFFFF,-80000000", prediction(1, samples, 2));
}

int main(void)
{
    check_begin();
    RUN(test_samples_are_answered);
    RUN(test_first_answer_by_hand);
    RUN(test_line_in_pieces_and_several_at_once);
    RUN(test_eight_latest_are_answered_again);
    RUN(test_repeat_with_other_values_is_refused);
    RUN(test_gap_goes_back);
    RUN(test_sequence_wraps);
    RUN(test_reset_forgets_everything);
    RUN(test_time_that_stands_still_is_not_consumed);
    RUN(test_refused_time_keeps_the_eighth_latest);
    RUN(test_extreme_samples_are_answered);
    return check_end();
}
