/* What the core does around a network's graph: inputs, the memory of a charge, outputs. The graph is the test's own. */
#include <string.h>

#include "check.h"
#include "wp/charge.h"
#include "wp/network.h"

enum { N_INPUT = 4, KEPT_AT = 1, N_KEPT = 2, N_OUTPUT = 7 };

static int8_t input[N_INPUT];
static int8_t output[N_OUTPUT];
static int8_t seen[N_INPUT]; /* by the graph, latest */
static int32_t n_resets;
static wp_network_memory memory = {.input = input, .output = output, .arena = &n_resets};
static wp_charge charge;
static wp_answer answer;

/* Voltage from 0 mV on, one step a mV; a window of the same of the current. */
static const wp_network_input inputs[] = {{0, 1, 0, WP_FEATURE_VOLTAGE_MV}, {0, 1, 0, WP_FEATURE_CURRENT_MA}};

static void reset(void *arena)
{
    (*(int32_t *)arena)++;
}

/* Margins -128 + 10 and the first input; roots of the first input; a state of 11, 12. */
static void invoke(const int8_t in[], int8_t out[], void *arena)
{
    (void)arena;
    memcpy(seen, in, sizeof seen);
    const int8_t said[N_OUTPUT] = {-118, in[0], in[0], in[0], in[0], 11, 12};
    memcpy(out, said, sizeof said);
}

static wp_network network = {
    .predict = wp_network_predict,
    .crc = wp_network_crc,
    .reset = reset,
    .invoke = invoke,
    .memory = &memory,
    .inputs = inputs,
    .n_inputs = 1,
    .n_row = 1,
    .kept_at = KEPT_AT,
    .n_kept = N_KEPT,
    .kept_zero = WP_NETWORK_MISSING,
    .tick_ms = 1000,
    .margins_at = 0,
    .roots_at = 2,
    .next_at = 5,
    .n_margins = 2,
    .margin_zero = -128,
    .margin_multiplier = 1024,
    .root_multiplier = 3,
    .root_shift = 1,
    .root_zero = -127,
};

static const wp_history history[2] = {{3600, 2000, 9000}, {3600, 2000, 9000}};
static const wp_interval interval[1] = {{0, 0, 0}};

static const wp_model model = {
    .abi = WP_MODEL_ABI,
    .features_version = WP_FEATURES_VERSION,
    .network = &network,
    .n_devices = 2,
    .softmax_multiplier = 1,
    .history = history,
    .n_intervals = 1,
    .interval = interval,
};

static void start(uint8_t n_row)
{
    network.n_row = n_row;
    n_resets = 0;
    CHECK_EQUAL(wp_charge_init(&charge, &model), WP_OK);
}

static void sample(uint32_t t_ms, int32_t voltage_mv, int32_t current_ma)
{
    const wp_sample one = {t_ms, voltage_mv, current_ma};
    CHECK_EQUAL(wp_charge_update(&charge, &one, &answer), WP_OK);
}

static void check_bytes(const int8_t *got, int32_t a, int32_t b, int32_t c, int line)
{
    check_equal(got[0], a, __FILE__, line);
    check_equal(got[1], b, __FILE__, line);
    check_equal(got[2], c, __FILE__, line);
}

static int32_t encoded(const wp_network_input *of, int32_t x)
{
    const int32_t features[WP_N_FEATURES] = {x};
    int8_t byte;

    wp_network_encode(of, 1, features, &byte);
    return byte;
}

static void test_a_feature_becomes_a_byte(void)
{
    static const wp_network_input whole = {100, 1, 0, 0};
    static const wp_network_input halves = {0, 1, 1, 0};
    static const wp_network_input widest = {-WP_FEATURE_MAX, 127, 31, 0};
    CHECK_EQUAL(encoded(&whole, WP_MISSING), -128);
    CHECK_EQUAL(encoded(&whole, -WP_FEATURE_MAX), -127);
    CHECK_EQUAL(encoded(&whole, 100), -127);
    CHECK_EQUAL(encoded(&whole, 101), -126);
    CHECK_EQUAL(encoded(&whole, 353), 126);
    CHECK_EQUAL(encoded(&whole, 354), 127);
    CHECK_EQUAL(encoded(&whole, WP_FEATURE_MAX), 127);
    CHECK_EQUAL(encoded(&halves, 1), -126); /* a half is rounded up */
    CHECK_EQUAL(encoded(&halves, 2), -126);
    CHECK_EQUAL(encoded(&halves, 3), -125);
    CHECK_EQUAL(encoded(&widest, WP_FEATURE_MAX), -125); /* 1.98 */
}

static void test_a_window_moves_on_by_the_clock(void)
{
    start(1);
    sample(0, 1, 5);
    CHECK_EQUAL(n_resets, 1);
    CHECK_EQUAL(seen[0], -126);
    check_bytes(seen + KEPT_AT, -128, -128, 5 - 127, __LINE__);
    sample(500, 1, 6);
    check_bytes(seen + KEPT_AT, -128, 5 - 127, 6 - 127, __LINE__);
    sample(1000, 1, 7); /* the second began: the row of half a second was not kept */
    check_bytes(seen + KEPT_AT, -128, 5 - 127, 7 - 127, __LINE__);
    sample(1999, 1, 8);
    check_bytes(seen + KEPT_AT, 5 - 127, 7 - 127, 8 - 127, __LINE__);
    CHECK_EQUAL(n_resets, 1);
}

static void test_a_state_becomes_the_next(void)
{
    start(0);
    sample(0, 1, 5);
    check_bytes(seen + KEPT_AT, -128, -128, seen[3], __LINE__);
    sample(100, 1, 5);
    check_bytes(seen + KEPT_AT, 11, 12, seen[3], __LINE__);
}

static void test_a_charge_begins_anew(void)
{
    start(0);
    sample(0, 1, 5);
    CHECK_EQUAL(wp_charge_init(&charge, &model), WP_OK);
    sample(0, 1, 5);
    CHECK_EQUAL(n_resets, 2);
    check_bytes(seen + KEPT_AT, -128, -128, seen[3], __LINE__);
}

static void test_outputs(void)
{
    start(1);
    sample(0, 27, 5); /* the first input is -100: 28 above the margins' zero, 27 above the roots' */
    CHECK_EQUAL(answer.device, 1);
    CHECK_EQUAL(answer.confidence_permille, 1000);   /* 18 x 1024 ahead: 2^-18 weighs nothing */
    CHECK_EQUAL(answer.remaining_s[0], (27 * 27 * 3 + 1) / 2);
    sample(1000, -5, 5); /* -127: at the roots' zero, and 9 behind the other margin */
    CHECK_EQUAL(answer.device, 0);
    CHECK_EQUAL(answer.remaining_s[2], 0);
    network.root_zero = 0;
    sample(2000, -5, 5); /* below it */
    CHECK_EQUAL(answer.remaining_s[2], 0);
    network.root_zero = -128;
    network.root_multiplier = UINT32_MAX;
    sample(3000, 1000, 5); /* 255^2 x 2^31 */
    CHECK_EQUAL(answer.remaining_s[0], WP_REMAINING_MAX_S);
    network.root_zero = -127;
    network.root_multiplier = 3;
}

static void test_the_crc_is_of_state_ticks_and_memory(void)
{
    static uint8_t bytes[WP_STATE_BYTES + 4 + N_KEPT];
    start(1);
    sample(0, 1, 5);
    sample(70000, 1, 6); /* begun: 71 ticks */
    wp_features_serialise(&charge.features, bytes);
    bytes[WP_STATE_BYTES] = 71;
    memcpy(bytes + WP_STATE_BYTES + 4, input + KEPT_AT, N_KEPT);
    CHECK_EQUAL(answer.state_crc, check_crc32(bytes, sizeof bytes));
}

int main(void)
{
    check_begin();
    RUN(test_a_feature_becomes_a_byte);
    RUN(test_a_window_moves_on_by_the_clock);
    RUN(test_a_state_becomes_the_next);
    RUN(test_a_charge_begins_anew);
    RUN(test_outputs);
    RUN(test_the_crc_is_of_state_ticks_and_memory);
    return check_end();
}
