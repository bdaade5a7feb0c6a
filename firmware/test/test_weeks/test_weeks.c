/* Boards that run for weeks: clocks and counters wrap or stop at their ends, and no answer suffers. */
#include <string.h>

#include "bench.h"

#define DAY_MS 86400000u
#define STEP_MS 300000u /* the longest that counts in full */

static wp_features state;
static int32_t x[WP_N_FEATURES];

/* So many samples of constant power, each the longest step after the one before. Returns the next t_ms. */
static uint32_t run_on(uint32_t t_ms, uint32_t n_samples, int32_t voltage_mv, int32_t current_ma)
{
    for (uint32_t k = 0; k < n_samples; k++) {
        const wp_sample sample = {t_ms, voltage_mv, current_ma};
        CHECK_EQUAL(wp_features_update(&state, &sample), WP_OK);
        t_ms += STEP_MS;
    }
    wp_features_read(&state, x);
    return t_ms;
}

/* The LX6 board's library has no strstr. */
static bool says(const char *text, const char *part)
{
    for (; *text != '\0'; text++) {
        size_t k = 0;
        while (part[k] != '\0' && text[k] == part[k]) {
            k++;
        }
        if (part[k] == '\0') {
            return true;
        }
    }
    return false;
}

static void test_t_ms_wraps_in_mid_charge(void)
{
    static wp_features wrapped;
    static int32_t wrapped_x[WP_N_FEATURES];
    const uint32_t origin = 0u - 60500u; /* wraps between two samples a minute later */
    wp_features_init(&state);
    wp_features_init(&wrapped);
    for (uint32_t k = 0; k < 120; k++) {
        const wp_sample sample = {1000u * k, (int32_t)(5000u + 37u * k % 91u), (int32_t)(2000u - 11u * k)};
        const wp_sample later = {origin + sample.t_ms, sample.voltage_mv, sample.current_ma};
        CHECK_EQUAL(wp_features_update(&state, &sample), WP_OK);
        CHECK_EQUAL(wp_features_update(&wrapped, &later), WP_OK);
        wp_features_read(&state, x);
        wp_features_read(&wrapped, wrapped_x);
        CHECK_EQUAL(memcmp(x, wrapped_x, sizeof x), 0);
    }
    CHECK_TRUE(wrapped.t_ms < origin);
}

static void test_energy_and_charge_of_days_are_exact(void)
{
    wp_features_init(&state);
    (void)run_on(0, 6u * 288u + 1u, 20000, 5000); /* 100 W for six days */
    CHECK_EQUAL(x[WP_FEATURE_ENERGY_MWH], 100000 * 24 * 6);
    CHECK_EQUAL(x[WP_FEATURE_CHARGE_MAH], 5000 * 24 * 6);
    CHECK_EQUAL(x[WP_FEATURE_ELAPSED_S], 6 * 86400);
    CHECK_EQUAL(x[WP_FEATURE_UNOBSERVED_S], 0);
}

static void test_after_eight_weeks_features_stop_at_their_ends(void)
{
    wp_features_init(&state);
    (void)run_on(0u - DAY_MS, 56u * 288u + 1u, 20000, 5000);
    CHECK_EQUAL(x[WP_FEATURE_ENERGY_MWH], WP_FEATURE_MAX); /* 134 kWh do not fit */
    CHECK_EQUAL(x[WP_FEATURE_CHARGE_MAH], 5000 * 24 * 56);
    CHECK_EQUAL(state.elapsed_ms, UINT32_MAX); /* 49.7 days */
    CHECK_EQUAL(x[WP_FEATURE_ELAPSED_S], UINT32_MAX / 1000u);
    CHECK_TRUE(x[WP_FEATURE_PLATEAU_DWELL_S] >= 0 && x[WP_FEATURE_SINCE_CURRENT_HIGH_S] >= 0);
}

/* At the largest power there is an integral takes seven weeks to its limit, and comes back from it. */
static void test_integrals_stop_at_their_limit(void)
{
    const int64_t most = (int64_t)1 << 62;
    wp_features_init(&state);
    uint32_t t_ms = run_on(0, 51u * 288u, INT32_MAX, INT32_MAX);
    CHECK_EQUAL(state.energy_2mw_ms, most);
    CHECK_TRUE(state.charge_2ma_ms > 0 && state.charge_2ma_ms < most);
    CHECK_EQUAL(x[WP_FEATURE_ENERGY_MWH], WP_FEATURE_MAX);
    t_ms = run_on(t_ms, 2, INT32_MAX, INT32_MIN);
    CHECK_TRUE(state.energy_2mw_ms < most);
    (void)run_on(t_ms, 102u * 288u, INT32_MAX, INT32_MIN);
    CHECK_EQUAL(state.energy_2mw_ms, -most);
    CHECK_EQUAL(x[WP_FEATURE_ENERGY_MWH], -WP_FEATURE_MAX);
}

static void test_unobserved_time_stops_at_its_end(void)
{
    wp_features_init(&state);
    for (uint32_t k = 0; k < 4; k++) {
        const wp_sample sample = {k * 0x7FFFFFFFu, 5000, 1000};
        CHECK_EQUAL(wp_features_update(&state, &sample), WP_OK);
    }
    CHECK_EQUAL(state.elapsed_ms, UINT32_MAX);
    CHECK_EQUAL(state.unobserved_ms, UINT32_MAX);
}

static void test_count_of_samples_stops_and_answers_go_on(void)
{
    static const wp_sample last = {9000, 5000, 2000};
    start();
    inject_charge(0, 9);
    board.charge.features.n_samples = UINT32_MAX;
    receive_line("S,9,2328,1388,7D0");
    CHECK_EQUAL(board.charge.features.n_samples, UINT32_MAX);
    CHECK_EQUAL(board.next_sequence, 10);
    const uint32_t crc = board.kept[9 % WP_ANSWERS_KEPT].answer.state_crc;
    receive_line("S,9,2328,1388,7D0"); /* once more: from memory */
    CHECK_EQUAL(board.kept[9 % WP_ANSWERS_KEPT].answer.state_crc, crc);
    CHECK_EQUAL(board.charge.features.t_ms, last.t_ms);
}

static void test_counters_wrap(void)
{
    start();
    board.n_answered = UINT32_MAX;
    board.n_damaged = UINT32_MAX;
    board.n_refused = UINT32_MAX;
    receive_line("S,0,0,1388,7D0");
    receive("$S,1,3E8,1388,7D0*00000000\n");
    receive_line("S,7,3E8,1388,7D0");
    CHECK_EQUAL(board.n_answered, 0);
    CHECK_EQUAL(board.n_damaged, 0);
    CHECK_EQUAL(board.n_refused, 0);
    check_clear(&sent);
    receive_line("T");
    CHECK_TRUE(says(sent.text, "$T,0,0*") && says(sent.text, "$T,1,0*"));
}

/* The clock of milliseconds wraps while a device charges: its own time goes on. */
static void test_live_mode_after_49_days(void)
{
    start_live();
    board.live.now_ms = 0u - 5500u;
    board.live.due_ms = board.live.now_ms;
    board.live.seen_ms = board.live.now_ms;
    for (uint32_t k = 0; k < 20; k++) {
        (void)second(5000, 1000);
    }
    CHECK_TRUE(board.live.plugged && board.live.now_ms < 20000u);
    CHECK_EQUAL(board.n_charges, 1);
    CHECK_EQUAL(board.next_sequence, board.charge.features.n_samples);
    CHECK_EQUAL(board.charge.features.elapsed_ms, 1000u * (board.charge.features.n_samples - 1u));
}

int main(void)
{
    check_begin();
    RUN(test_t_ms_wraps_in_mid_charge);
    RUN(test_energy_and_charge_of_days_are_exact);
    RUN(test_after_eight_weeks_features_stop_at_their_ends);
    RUN(test_integrals_stop_at_their_limit);
    RUN(test_unobserved_time_stops_at_its_end);
    RUN(test_count_of_samples_stops_and_answers_go_on);
    RUN(test_counters_wrap);
    RUN(test_live_mode_after_49_days);
    return check_end();
}
