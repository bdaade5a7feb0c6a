/* The estimate in the course of a charge, what a device's history adds to it, and how strange a charge is, by hand; and
 * the tables of a model that the core refuses. */
#include "check.h"
#include "fixtures/model/model.h"
#include "wp/charge.h"

static wp_model model;
static wp_estimate estimate;

static void start(void)
{
    model = wp_model_generated;
    model.remaining_shift = 0;
    estimate = (wp_estimate){0};
}

static int32_t told(uint32_t elapsed_ms, int32_t output)
{
    const int32_t quantile[WP_N_QUANTILES] = {output, output, output};
    wp_estimate_update(&model, &estimate, 0, elapsed_ms, quantile);
    return wp_estimate_remaining_s(&estimate, elapsed_ms, 1);
}

static void test_without_smoothing_the_model_s_word_counts(void)
{
    start();
    CHECK_EQUAL(told(0, 1000), 1000);
    CHECK_EQUAL(told(100000, 50), 50);
    CHECK_EQUAL(told(101000, -7), -7);
}

/* At 40 s tau is a quarter of the time gone by, 10 s; after a step of 10 s the estimate goes half the way. */
static void test_the_estimate_counts_down_and_moves_slowly(void)
{
    start();
    model.smoothing_s = 180;
    CHECK_EQUAL(told(30000, 1000), 1000);
    CHECK_EQUAL(wp_estimate_remaining_s(&estimate, 40000, 1), 990);
    CHECK_EQUAL(told(40000, 890), 940);
    CHECK_EQUAL(told(1480000, 0), -56); /* from -500, with tau at its most, 8/9 of the way */
}

static void test_the_first_ten_seconds_are_not_averaged(void)
{
    start();
    model.smoothing_s = 180;
    CHECK_EQUAL(told(1000, 1000), 1000);
    CHECK_EQUAL(told(9999, 10), 10);
}

static void test_when_the_model_is_asked(void)
{
    start();
    model.smoothing_s = 180;
    CHECK_TRUE(wp_estimate_is_due(&model, &estimate, 5, WP_PHASE_PRECHARGE));
    CHECK_TRUE(!wp_estimate_is_due(&model, &estimate, 5, WP_PHASE_FULL));
    (void)told(5, 1);
    CHECK_TRUE(!wp_estimate_is_due(&model, &estimate, 999, WP_PHASE_PRECHARGE));
    CHECK_TRUE(wp_estimate_is_due(&model, &estimate, 1000, WP_PHASE_PRECHARGE));
    (void)told(59000, 1);
    CHECK_TRUE(wp_estimate_is_due(&model, &estimate, 60000, WP_PHASE_PRECHARGE));
    (void)told(60000, 1);
    CHECK_TRUE(!wp_estimate_is_due(&model, &estimate, 69999, WP_PHASE_PRECHARGE));
    CHECK_TRUE(wp_estimate_is_due(&model, &estimate, 70000, WP_PHASE_PRECHARGE));
    model.smoothing_s = 0;
    CHECK_TRUE(wp_estimate_is_due(&model, &estimate, 60001, WP_PHASE_PRECHARGE));
}

/* 3/8 of a duration of 1001 s is 375.375 s, -3/8 of it -375.375: both to nearest. */
static void test_outputs_may_be_parts_of_the_duration(void)
{
    static const wp_history history[2] = {{1001, 1, 1}, {1, 1, 1}};
    start();
    model.history = history;
    model.remaining_of_duration = true;
    model.remaining_shift = 3;
    CHECK_EQUAL(told(0, 3), 375);
    CHECK_EQUAL(told(0, -3), -375);
}

static void test_a_baseline_runs_straight_between_its_moments(void)
{
    static const wp_baseline baseline[2] = {{100, {1000, 900, 950, [WP_N_BASELINE - 1] = 40}}, {1, {0}}};
    start();
    model.baseline = baseline;
    CHECK_EQUAL(told(0, 0), 1000);
    CHECK_EQUAL(told(25999, 5), 975 + 5); /* whole seconds count */
    CHECK_EQUAL(told(125000, 0), 913); /* 900 + 12.5 */
    CHECK_EQUAL(told(250000, 0), 475);
    CHECK_EQUAL(told(1500000, 0), 40);
    CHECK_EQUAL(told(9999000, 1), 41);
}

static void test_what_a_history_makes_of_features(void)
{
    static const wp_history history[2] = {{3600, 2000, 9000}, {7200, 300, 1}};
    int32_t x[WP_N_REMAINING_FEATURES] = {0};
    start();
    model.history = history;
    x[WP_FEATURE_CHARGE_MAH] = 301;
    x[WP_FEATURE_VOLTAGE_MEAN_60S_MV] = 5000;
    x[WP_FEATURE_CURRENT_MEAN_60S_MA] = -2000000;
    wp_history_read(&model, 1, x);
    CHECK_EQUAL(x[WP_FEATURE_DEVICE_DURATION_S], 7200);
    CHECK_EQUAL(x[WP_FEATURE_CHARGE_OF_DEVICE_PERMILLE], 1003);
    CHECK_EQUAL(x[WP_FEATURE_POWER_OF_DEVICE_PERMILLE], -WP_FEATURE_MAX);
    x[WP_FEATURE_CURRENT_MEAN_60S_MA] = 1800;
    wp_history_read(&model, 0, x);
    CHECK_EQUAL(x[WP_FEATURE_CHARGE_OF_DEVICE_PERMILLE], 151);
    CHECK_EQUAL(x[WP_FEATURE_POWER_OF_DEVICE_PERMILLE], 1000);
}

/* Two features: the first as it is, standard deviation 16; the second in quarters, standard deviation 1. */
static const uint8_t features[2] = {WP_FEATURE_VOLTAGE_MV, WP_FEATURE_CURRENT_MA};
static const uint8_t shift[2] = {0, 2};
static const uint16_t first[3] = {0, 2, 3};
static const int16_t centre[6] = {100, 10, 164, -10, 0, 0};
static const uint16_t weight[4] = {4096, 65535, 4096, 4096};
static const wp_prototypes prototypes = {2, features, shift, first, centre, weight, 255};

static void test_distance_to_the_nearest_prototype(void)
{
    int32_t x[WP_N_FEATURES] = {0};
    start();
    CHECK_EQUAL(wp_unfamiliarity(&model, 0, x), 0);
    model.prototypes = &prototypes;
    x[WP_FEATURE_VOLTAGE_MV] = 116;
    x[WP_FEATURE_CURRENT_MA] = 43; /* 10 after the shift */
    CHECK_EQUAL(wp_unfamiliarity(&model, 0, x), 256);
    x[WP_FEATURE_CURRENT_MA] = -43; /* towards zero: -10, of the second prototype */
    CHECK_EQUAL(wp_unfamiliarity(&model, 0, x), 48 * 48);
    x[WP_FEATURE_CURRENT_MA] = WP_MISSING; /* 0: ten standard deviations from either, which count as five */
    CHECK_EQUAL(wp_unfamiliarity(&model, 0, x), 256 + 6400);
    x[WP_FEATURE_VOLTAGE_MV] = -WP_FEATURE_MAX;
    CHECK_EQUAL(wp_unfamiliarity(&model, 1, x), 6400);
}

static void test_what_is_far_from_its_device_is_unknown(void)
{
    static const int32_t margin[2] = {1024, 0};
    int32_t x[WP_N_FEATURES] = {0};
    wp_answer answer;
    start();
    model.prototypes = &prototypes;
    x[WP_FEATURE_VOLTAGE_MV] = 116;
    x[WP_FEATURE_CURRENT_MA] = 43;
    wp_answer_device(&model, x, margin, 30000, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.flags, WP_FLAG_UNKNOWN);
    wp_answer_device(&model, x, margin, 29999, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.flags, 0);
    x[WP_FEATURE_VOLTAGE_MV] = 115;
    wp_answer_device(&model, x, margin, 30000, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.flags, 0);
}

static void test_the_correction_in_force(void)
{
    static const wp_interval interval[3] = {{0, -1, 1}, {60, -20, 20}, {600, -300, 300}};
    wp_answer answer;
    start();
    model.n_intervals = 3;
    model.interval = interval;
    (void)told(0, 10000);
    wp_answer_remaining(&model, &estimate, 59999, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.remaining_s[2] - answer.remaining_s[0], 2);
    wp_answer_remaining(&model, &estimate, 60000, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.remaining_s[2] - answer.remaining_s[0], 40);
    wp_answer_remaining(&model, &estimate, 6000000, WP_PHASE_PRECHARGE, &answer);
    CHECK_EQUAL(answer.remaining_s[2] - answer.remaining_s[0], 600);
}

static void refused(const wp_model *changed)
{
    CHECK_EQUAL(wp_model_check(changed), WP_ERROR_MODEL);
}

static void test_histories_that_are_refused(void)
{
    static const wp_history wrong[6][2] = {
        {{1, 1, 1}, {0, 1, 1}},
        {{1, 1, 1}, {1, -1, 1}},
        {{1, 1, 1}, {1, 1, 0}},
        {{WP_FEATURE_MAX + 1, 1, 1}, {1, 1, 1}},
        {{1, WP_FEATURE_MAX + 1, 1}, {1, 1, 1}},
        {{1, 1, WP_FEATURE_MAX + 1}, {1, 1, 1}},
    };
    static const wp_baseline steps[3][2] = {{{1, {0}}, {0, {0}}}, {{1048576, {0}}, {1, {0}}}, {{1, {0}}, {1048575, {0}}}};
    start();
    model.history = NULL;
    refused(&model);
    for (size_t k = 0; k < 6; k++) {
        model.history = wrong[k];
        refused(&model);
    }
    start();
    for (size_t k = 0; k < 2; k++) {
        model.baseline = steps[k];
        refused(&model);
    }
    model.baseline = steps[2];
    CHECK_EQUAL(wp_model_check(&model), WP_OK);
}

static void test_prototypes_that_are_refused(void)
{
    static const uint8_t beyond[2] = {0, WP_N_FEATURES};
    static const uint8_t far[2] = {24, 25};
    wp_prototypes changed[9];
    start();
    for (size_t k = 0; k < 9; k++) {
        changed[k] = prototypes;
    }
    changed[0].n_features = 0;
    changed[1].n_features = WP_MAX_PROTOTYPE_FEATURES + 1;
    changed[2].feature = NULL;
    changed[3].shift = NULL;
    changed[4].first = NULL;
    changed[5].centre = NULL;
    changed[6].weight = NULL;
    changed[7].feature = beyond;
    changed[8].shift = far;
    for (size_t k = 0; k < 9; k++) {
        model.prototypes = &changed[k];
        refused(&model);
    }
    model.prototypes = &prototypes;
    CHECK_EQUAL(wp_model_check(&model), WP_OK);
}

static void test_intervals_that_are_refused(void)
{
    static const wp_interval late[1] = {{1, 0, 0}};
    static const wp_interval twice[3] = {{0, 0, 0}, {5, 0, 0}, {5, 0, 0}};
    start();
    model.n_intervals = 0;
    refused(&model);
    model.n_intervals = 1;
    model.interval = late;
    refused(&model);
    model.interval = NULL;
    refused(&model);
    model.interval = twice;
    model.n_intervals = 3;
    refused(&model);
    model.n_intervals = 2;
    CHECK_EQUAL(wp_model_check(&model), WP_OK);
}

int main(void)
{
    check_begin();
    RUN(test_without_smoothing_the_model_s_word_counts);
    RUN(test_the_estimate_counts_down_and_moves_slowly);
    RUN(test_the_first_ten_seconds_are_not_averaged);
    RUN(test_when_the_model_is_asked);
    RUN(test_outputs_may_be_parts_of_the_duration);
    RUN(test_a_baseline_runs_straight_between_its_moments);
    RUN(test_what_a_history_makes_of_features);
    RUN(test_distance_to_the_nearest_prototype);
    RUN(test_what_is_far_from_its_device_is_unknown);
    RUN(test_the_correction_in_force);
    RUN(test_histories_that_are_refused);
    RUN(test_prototypes_that_are_refused);
    RUN(test_intervals_that_are_refused);
    return check_end();
}
