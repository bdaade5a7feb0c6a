/* The board's side of the wire: what it answers, and when it does not. */
#include <string.h>

#include "check.h"
#include "fixtures/model/model.h"
#include "wp/board.h"

static check_text_buffer sent;
static check_text_buffer want;
static uint32_t now_us;
static uint32_t tick_us;
static wp_board board;

static void fake_write(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        const char one[2] = {(char)bytes[i], '\0'};
        check_append(&sent, one);
    }
}

static uint32_t fake_clock_us(void *context)
{
    (void)context;
    const uint32_t now = now_us;
    now_us += tick_us;
    return now;
}

static const wp_port port = {.write = fake_write, .clock_us = fake_clock_us, .boot = WP_BOOT_WATCHDOG};

static void start(void)
{
    now_us = 0xFFFFFFF0u; /* the clock wraps in the first answer */
    tick_us = 40;
    check_clear(&sent);
    check_clear(&want);
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &port), WP_OK);
    check_clear(&sent);
}

static void receive(const char *text)
{
    wp_board_receive(&board, (const uint8_t *)text, strlen(text));
}

/* Hands over a good line; what comes back is in `sent`. */
static void receive_line(const char *body)
{
    static check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, body);
    check_clear(&sent);
    receive(line.text);
}

/* One line for one line. */
static void check_answer(const char *body, const char *answer, int line)
{
    receive_line(body);
    check_clear(&want);
    if (answer[0] != '\0') {
        check_append_line(&want, answer);
    }
    check_text(sent.text, want.text, __FILE__, line);
}
#define CHECK_ANSWER(body, answer) check_answer((body), (answer), __LINE__)

/* The prediction the core gives for the latest of these samples, as the body of a line. */
static const char *prediction(uint32_t sequence, const wp_sample samples[], size_t n)
{
    static check_text_buffer body;
    wp_charge charge;
    wp_answer answer = {0};
    CHECK_EQUAL(wp_charge_init(&charge, &wp_model_generated), WP_OK);
    for (size_t i = 0; i < n; i++) {
        CHECK_EQUAL(wp_charge_update(&charge, &samples[i], &answer), WP_OK);
    }
    const int32_t fields[] = {answer.device,         answer.confidence_permille, answer.remaining_s[0],
                              answer.remaining_s[1], answer.remaining_s[2],      answer.flags};
    check_clear(&body);
    check_append(&body, "P,");
    check_append_hex(&body, sequence, 0);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        check_append(&body, ",");
        check_append_hex(&body, (uint64_t)fields[i], 0);
    }
    check_append(&body, ",");
    check_append_hex(&body, answer.state_crc, 8);
    return body.text;
}

static void test_start_says_hello(void)
{
    check_clear(&sent);
    check_clear(&want);
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &port), WP_OK);
    check_append_line(&want, "H,01234567,89ABCDEF,1,100,2,2");
    CHECK_TEXT(sent.text, want.text);
}

static void test_model_of_another_core_is_refused_in_silence(void)
{
    wp_model other = wp_model_generated;
    other.abi++;
    check_clear(&sent);
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

/* A charge of n samples with constant values, one a second, from sequence number first. */
static void charge(uint32_t first, uint32_t n)
{
    static check_text_buffer body;
    check_clear(&body);
    check_append(&body, "R,");
    check_append_hex(&body, first, 0);
    receive_line(body.text);
    for (uint32_t i = 0; i < n; i++) {
        check_clear(&body);
        check_append(&body, "S,");
        check_append_hex(&body, first + i, 0);
        check_append(&body, ",");
        check_append_hex(&body, 1000u * i, 0);
        check_append(&body, ",1388,7D0");
        receive_line(body.text);
    }
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
    charge(0, 20);
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
    charge(0, 3);
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
    charge(0xFFFFFFFEu, 3);
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
    charge(0, 10);
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
    charge(0, 8);
    CHECK_ANSWER("S,8,0,1388,7D0", "N,8,3,8"); /* would go where the answer to 0 is kept */
    CHECK_ANSWER("S,0,0,1388,7D0", prediction(0, samples, 1));
}

static void test_modes(void)
{
    start();
    CHECK_ANSWER("M,1", "M,1");
    CHECK_ANSWER("M,0", "N,0,4,0");
    CHECK_ANSWER("M,2", "X,2");
    CHECK_ANSWER("M,-1", "X,2");
    CHECK_EQUAL(board.n_refused, 1);
    board.mode = WP_MODE_LIVE;
    CHECK_ANSWER("S,0,0,1388,7D0", "N,0,4,0");
    CHECK_EQUAL(board.n_answered, 0);
    CHECK_ANSWER("M,1", "M,1");
    CHECK_EQUAL(board.mode, WP_MODE_INJECTED);
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

static void test_extreme_samples_are_answered(void)
{
    static const wp_sample samples[] = {{0xFFFFFFFFu, INT32_MIN, INT32_MAX}, {0x7FFFFFFEu, INT32_MAX, INT32_MIN}};
    start();
    CHECK_ANSWER("S,0,FFFFFFFF,-80000000,7FFFFFFF", prediction(0, samples, 1));
    CHECK_ANSWER("S,1,7FFFFFFE,7FFFFFFF,-80000000", prediction(1, samples, 2));
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

static void test_statistics(void)
{
    start();
    charge(0, 2); /* the clock runs 40 us an answer */
    tick_us = 15;
    receive_line("S,2,7D0,1388,7D0");
    receive_line("S,9,7D0,1388,7D0");
    receive("$\n");
    receive_line("T");
    check_append_line(&want, "T,0,3");
    check_append_line(&want, "T,1,1");
    check_append_line(&want, "T,2,1");
    check_append_line(&want, "T,3,F");
    check_append_line(&want, "T,4,28");
    check_append_line(&want, "T,5,3");
    check_append_line(&want, "T,6,FFFFFFFF");
    check_append_line(&want, "T,7,FFFFFFFF");
    check_append_line(&want, "T,8,FFFFFFFF");
    check_append_line(&want, "T,9,FFFFFFFF");
    check_append_line(&want, "T,A,1");
    CHECK_TEXT(sent.text, want.text);
    receive_line("R,7"); /* counters go on, the sequence does not */
    receive_line("T");
    check_clear(&want);
    check_append_line(&want, "T,0,3");
    sent.text[want.length] = '\0';
    CHECK_TEXT(sent.text, want.text);
    CHECK_EQUAL(board.next_sequence, 7);
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
    RUN(test_modes);
    RUN(test_wrong_fields);
    RUN(test_extreme_samples_are_answered);
    RUN(test_damage_is_counted_and_dropped);
    RUN(test_line_that_goes_on_after_a_whole_one_is_damaged);
    RUN(test_statistics);
    RUN(test_any_bytes_leave_a_board_that_answers);
    return check_end();
}
