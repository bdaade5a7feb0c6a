/* bench.h: a board on a port of the test's own: what it sends is caught, its clocks and its sensor say what they are told.
 */
#ifndef BENCH_H
#define BENCH_H

#include "check.h"
#include "fixtures/model/model.h"
#include "wp/board.h"

typedef struct bench_world {
    uint32_t now_us;
    uint32_t step_us; /* by which each look at the clock moves it on */
    uint32_t n_ticks;
    uint32_t step_ticks;
    uint32_t stack_bytes;
    wp_reading reading; /* raw moves by itself */
    wp_setting settings[2];
    uint32_t n_kept;     /* settings set */
    bool flash_fails;
    bool sensor_leaves;  /* with the next setting that is set */
    bool sensor_appears;
} bench_world;

extern bench_world world;
extern wp_port port; /* without a sensor until start_live */
extern wp_board board;
extern check_text_buffer sent; /* since it was cleared */
extern check_text_buffer want;

/* A board that has just said hello; `sent` is empty. */
void start(void);
void start_live(void);

/* The same with two settings, 7 of -10 .. 20 and -3 of -2^31 .. -1. */
void start_with_settings(void);
void start_live_with_settings(void);

/* Hands over bytes, or a good line; what comes back is in `sent`, after the line alone. */
void receive(const char *text);
void receive_line(const char *body);

/* One line for one line; "" for none. */
void check_answer(const char *body, const char *answer, int line);
#define CHECK_ANSWER(body, answer) check_answer((body), (answer), __LINE__)

/* The prediction the core gives for the latest of these samples, as the body of a line. */
const char *prediction(uint32_t sequence, const wp_sample samples[], size_t n);

/* An injected charge of n samples with constant values, one a second, from sequence number first. */
void inject_charge(uint32_t first, uint32_t n);

/* A second passes, and the sensor measures. Returns what the board wants to wait. */
uint32_t second(int32_t voltage_mv, int32_t current_ma);

/* A second passes, and the sensor says what is wrong with it. */
void second_of_fault(wp_sensor_status status);

#endif
