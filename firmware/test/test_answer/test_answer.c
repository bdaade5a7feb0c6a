/* From a model's outputs to an answer, by hand; and which models the core refuses. */
#include "check.h"
#include "fixtures/model/model.h"
#include "wp/charge.h"

static wp_model model;
static wp_answer answer;
static wp_interval correction[1];

/* A likelihood halves with every 1024 of margin. */
static void start(uint8_t n_devices)
{
    model = wp_model_generated;
    model.n_devices = n_devices;
    model.softmax_multiplier = 1;
    model.softmax_shift = 0;
    model.unknown_below_permille = 0;
    model.remaining_shift = 0;
    correction[0] = (wp_interval){0, 0, 0};
    model.interval = correction;
    answer = (wp_answer){.device = 99, .flags = 0xFF};
}

/* As at a charge's first sample. */
static void answer_outputs(const int32_t margin[], const int32_t quantile[WP_N_QUANTILES], wp_phase phase)
{
    static const int32_t x[WP_N_FEATURES] = {0};
    wp_estimate estimate = {0};
    wp_answer_device(&model, x, margin, 0, phase, &answer);
    if (wp_estimate_is_due(&model, &estimate, 0, phase)) {
        wp_estimate_update(&model, &estimate, answer.device, 0, quantile);
    }
    wp_answer_remaining(&model, &estimate, 0, phase, &answer);
}

static void test_device_and_confidence(void)
{
    static const int32_t margin[3] = {0, 2048, 1024};
    static const int32_t quantile[3] = {1, 2, 3};
    start(3);
    answer_outputs(margin, quantile, WP_PHASE_CONSTANT_CURRENT);
    CHECK_EQUAL(answer.device, 1);
    CHECK_EQUAL(answer.confidence_permille, 571); /* 65535 of 65535 + 32767 + 16383 */
    CHECK_EQUAL(answer.flags, WP_PHASE_CONSTANT_CURRENT << WP_FLAG_PHASE_SHIFT);
    model.unknown_below_permille = 572;
    answer_outputs(margin, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.flags, WP_FLAG_UNKNOWN);
}

static void test_the_unlikely_weighs_nothing(void)
{
    static const int32_t margin[2] = {16384, 0};
    static const int32_t quantile[3] = {1, 2, 3};
    start(2);
    answer_outputs(margin, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.device, 0);
    CHECK_EQUAL(answer.confidence_permille, 1000);
}

static void test_margins_as_far_apart_as_can_be(void)
{
    static const int32_t margin[2] = {INT32_MIN, INT32_MAX};
    static const int32_t quantile[3] = {1, 2, 3};
    start(2);
    model.softmax_multiplier = UINT32_MAX;
    answer_outputs(margin, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.device, 1);
    CHECK_EQUAL(answer.confidence_permille, 1000);
}

static void test_without_a_classifier(void)
{
    static const int32_t quantile[3] = {1, 2, 3};
    start(1);
    answer_outputs(NULL, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.device, 0);
    CHECK_EQUAL(answer.confidence_permille, 0);
    CHECK_EQUAL(answer.flags, WP_FLAG_NO_DEVICE);
}

/* Quarters of a second to nearest, halves up; then the offset; then no less than 0; then in order. */
static void test_remaining_is_rounded_moved_and_sorted(void)
{
    static const int32_t quantile[3] = {10, -3, 6};
    start(1);
    model.remaining_shift = 2;
    correction[0] = (wp_interval){0, 4, -10};
    answer_outputs(NULL, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.remaining_s[0], 0); /* 2 - 10 */
    CHECK_EQUAL(answer.remaining_s[1], 0); /* -1 */
    CHECK_EQUAL(answer.remaining_s[2], 7); /* 3 + 4 */
}

static void test_remaining_stops_at_its_ends(void)
{
    static const int32_t quantile[3] = {INT32_MIN, 7, INT32_MAX};
    start(1);
    correction[0] = (wp_interval){0, INT32_MIN, INT32_MAX};
    answer_outputs(NULL, quantile, WP_PHASE_PRECHARGE);
    CHECK_EQUAL(answer.remaining_s[0], 0);
    CHECK_EQUAL(answer.remaining_s[1], 7);
    CHECK_EQUAL(answer.remaining_s[2], WP_REMAINING_MAX_S);
}

static void test_full_is_no_time_to_go(void)
{
    static const int32_t quantile[3] = {100, 200, 300};
    start(1);
    answer_outputs(NULL, quantile, WP_PHASE_FULL);
    CHECK_EQUAL(answer.remaining_s[0] + answer.remaining_s[1] + answer.remaining_s[2], 0);
}

static void test_models_that_are_refused(void)
{
    static const wp_network *const some = (const wp_network *)&model; /* not looked into */
    static wp_model changed[12];
    for (size_t k = 0; k < 12; k++) {
        changed[k] = wp_model_generated;
    }
    changed[0].abi++;
    changed[1].features_version++;
    changed[2].n_devices = 0;
    changed[3].n_devices = WP_MAX_DEVICES + 1;
    changed[4].softmax_shift = 48;
    changed[5].remaining_shift = 25;
    changed[6].remaining_predict = NULL;
    changed[7].device_predict = NULL;
    changed[8].n_devices = 1; /* and a classifier */
    changed[9].network = some;
    changed[10].network = some;
    changed[10].device_predict = NULL;
    changed[11] = changed[10];
    changed[11].remaining_predict = NULL; /* a network answers in whole seconds */
    CHECK_EQUAL(wp_model_check(NULL), WP_ERROR_MODEL);
    for (size_t k = 0; k < 12; k++) {
        CHECK_EQUAL(wp_model_check(&changed[k]), WP_ERROR_MODEL);
    }
    changed[11].remaining_shift = 0;
    CHECK_EQUAL(wp_model_check(&changed[11]), WP_OK);
    CHECK_EQUAL(wp_model_check(&wp_model_generated), WP_OK);
}

int main(void)
{
    check_begin();
    RUN(test_device_and_confidence);
    RUN(test_the_unlikely_weighs_nothing);
    RUN(test_margins_as_far_apart_as_can_be);
    RUN(test_without_a_classifier);
    RUN(test_remaining_is_rounded_moved_and_sorted);
    RUN(test_remaining_stops_at_its_ends);
    RUN(test_full_is_no_time_to_go);
    RUN(test_models_that_are_refused);
    return check_end();
}
