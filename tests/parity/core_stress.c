/* core_stress.c: random and extreme samples through the core under the sanitizers, and what must not change on error.
 *
 *     core_stress CHARGES SEED      exit code 0, or 1 with the check that failed on stderr
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wp/network.h"
#include "wp/charge.h"
#include "wp/crc32.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define SAMPLES_A_CHARGE 400
#define N_DEVICES 14

static uint64_t random_state;

/* xorshift64: the same numbers on every machine. */
static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

static int32_t draw_i32(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, -1, 0, 1, 50, 100, INT32_MAX - 1, INT32_MAX};
    const uint32_t bits = draw();

    switch (draw() % 4u) {
    case 0:
        return edges[bits % (sizeof edges / sizeof edges[0])];
    case 1:
        return bits <= (uint32_t)INT32_MAX ? (int32_t)bits : -(int32_t)(UINT32_MAX - bits) - 1;
    case 2:
        return (int32_t)(bits % 20000u);
    default:
        return (int32_t)(bits % 400u) - 100;
    }
}

static uint32_t draw_step(void)
{
    switch (draw() % 8u) {
    case 0:
        return draw(); /* half of these are refused */
    case 1:
        return 0;
    case 2:
        return 300000u + draw() % 3u;
    default:
        return 1u + draw() % 70000u;
    }
}

static void predict_devices(const int32_t x[WP_N_FEATURES], int32_t margin[])
{
    (void)x;
    for (size_t c = 0; c < N_DEVICES; c++) {
        margin[c] = draw_i32();
    }
}

static void predict_remaining(const int32_t x[WP_N_REMAINING_FEATURES], int32_t quantile[WP_N_QUANTILES])
{
    (void)x;
    for (size_t j = 0; j < WP_N_QUANTILES; j++) {
        quantile[j] = draw_i32();
    }
}

static wp_history history[N_DEVICES];
static wp_baseline baseline[N_DEVICES];
static const wp_interval interval[3] = {{0, INT32_MIN, INT32_MAX}, {1, 0, 0}, {86400, INT32_MAX, INT32_MIN}};

/* Two prototypes a device but the last, which has none. */
#define N_PROTOTYPE_FEATURES WP_MAX_PROTOTYPE_FEATURES
static uint8_t feature[N_PROTOTYPE_FEATURES];
static uint8_t shift[N_PROTOTYPE_FEATURES];
static uint16_t first[N_DEVICES + 1];
static int16_t centre[2 * N_DEVICES * N_PROTOTYPE_FEATURES];
static uint16_t weight[N_DEVICES * N_PROTOTYPE_FEATURES];
static const wp_prototypes prototypes = {
    .n_features = N_PROTOTYPE_FEATURES,
    .feature = feature,
    .shift = shift,
    .first = first,
    .centre = centre,
    .weight = weight,
    .unfamiliar_above = 20000,
};

/* Values at the ends of what a model may hold, and between. */
static void draw_tables(void)
{
    for (size_t d = 0; d < N_DEVICES; d++) {
        const bool largest = d % 2u == 0;
        history[d] = (wp_history){largest ? WP_FEATURE_MAX : 1, largest ? 1 : WP_FEATURE_MAX, 1};
        baseline[d].step_s = largest ? (uint32_t)WP_FEATURE_MAX / WP_N_BASELINE : 1u;
        for (size_t k = 0; k < WP_N_BASELINE; k++) {
            baseline[d].remaining_s[k] = (uint16_t)(k % 2u == 0 ? UINT16_MAX : draw());
        }
        first[d + 1u] = (uint16_t)(d + 1u < N_DEVICES ? 2u * (d + 1u) : 2u * d);
    }
    for (size_t k = 0; k < N_PROTOTYPE_FEATURES; k++) {
        feature[k] = (uint8_t)(draw() % WP_N_FEATURES);
        shift[k] = (uint8_t)(k == 0 ? 24u : draw() % 3u);
    }
    for (size_t k = 0; k < sizeof centre / sizeof centre[0]; k++) {
        centre[k] = (int16_t)(k % 3u == 0 ? INT16_MIN : (int32_t)(draw() % 65535u) - 32767);
    }
    for (size_t k = 0; k < sizeof weight / sizeof weight[0]; k++) {
        weight[k] = (uint16_t)(k % 3u == 0 ? UINT16_MAX : draw());
    }
}

static const wp_model good = {
    .abi = WP_MODEL_ABI,
    .features_version = WP_FEATURES_VERSION,
    .n_devices = N_DEVICES,
    .device_predict = predict_devices,
    .softmax_multiplier = UINT32_MAX,
    .softmax_shift = 47,
    .unknown_below_permille = 500,
    .remaining_predict = predict_remaining,
    .remaining_shift = 24,
    .prototypes = &prototypes,
    .remaining_of_duration = true,
    .history = history,
    .baseline = baseline,
    .smoothing_s = UINT16_MAX,
    .n_intervals = 3,
    .interval = interval,
};

static void check_models(void)
{
    static const wp_network network = {0};
    wp_model model = good;
    wp_charge charge;
    wp_charge before;

    memset(&charge, 0x5A, sizeof charge);
    memcpy(&before, &charge, sizeof before);
    CHECK(wp_model_check(&good) == WP_OK);
    CHECK(wp_model_check(NULL) == WP_ERROR_MODEL);
#define REFUSED(change)                                                                            \
    model = good;                                                                                  \
    change;                                                                                        \
    CHECK(wp_charge_init(&charge, &model) == WP_ERROR_MODEL);                                      \
    CHECK(memcmp(&charge, &before, sizeof charge) == 0)
    REFUSED(model.abi++);
    REFUSED(model.features_version++);
    REFUSED(model.n_devices = 0);
    REFUSED(model.n_devices = WP_MAX_DEVICES + 1);
    REFUSED(model.device_predict = NULL);
    REFUSED(model.n_devices = 1);
    REFUSED(model.softmax_shift = 48);
    REFUSED(model.remaining_predict = NULL);
    REFUSED(model.remaining_shift = 25);
    REFUSED(model.network = &network); /* beside functions of forests */
    REFUSED(model.network = &network; model.device_predict = NULL; model.remaining_predict = NULL); /* in 2^-24 s */
    REFUSED(model.history = NULL);
    REFUSED(model.n_intervals = 0);
    REFUSED(model.interval = NULL);
    REFUSED(model.interval = &interval[1]);
    wp_prototypes other = prototypes;
    REFUSED(other.n_features = 0; model.prototypes = &other);
    REFUSED(other.n_features = WP_MAX_PROTOTYPE_FEATURES + 1; model.prototypes = &other);
    other = prototypes;
    REFUSED(other.centre = NULL; model.prototypes = &other);
    history[1].charge_mah = 0;
    REFUSED((void)0);
    history[1].charge_mah = 1;
    baseline[1].step_s = 0;
    REFUSED((void)0);
    baseline[1].step_s = 1;
    model = good;
    model.n_devices = 1;
    model.device_predict = NULL;
    CHECK(wp_charge_init(&charge, &model) == WP_OK);
}

static void check_answer(const wp_charge *charge, const wp_answer *answer)
{
    uint8_t bytes[WP_STATE_BYTES];
    int32_t x[WP_N_FEATURES];

    wp_features_serialise(&charge->features, bytes);
    CHECK(answer->state_crc == wp_crc32(0, bytes, sizeof bytes));
    CHECK(answer->device < N_DEVICES && answer->confidence_permille <= 1000);
    CHECK(answer->remaining_s[0] >= 0 && answer->remaining_s[2] <= WP_REMAINING_MAX_S);
    CHECK(answer->remaining_s[0] <= answer->remaining_s[1] && answer->remaining_s[1] <= answer->remaining_s[2]);
    CHECK((answer->flags >> WP_FLAG_PHASE_SHIFT & 3u) == charge->features.phase);
    wp_features_read(&charge->features, x);
    for (size_t f = 0; f < WP_N_FEATURES; f++) {
        CHECK(x[f] == WP_MISSING || (x[f] >= -WP_FEATURE_MAX && x[f] <= WP_FEATURE_MAX));
    }
}

static void check_charge(const wp_model *model)
{
    wp_charge charge;
    wp_sample sample = {draw(), draw_i32(), draw_i32()};
    wp_answer answer;

    memset(&charge, 0, sizeof charge);
    memset(&answer, 0, sizeof answer);
    CHECK(wp_charge_init(&charge, model) == WP_OK);
    CHECK(wp_charge_update(&charge, &sample, &answer) == WP_OK);
    for (uint32_t k = 0; k < SAMPLES_A_CHARGE; k++) {
        const uint32_t step = draw_step();
        wp_charge before;
        wp_answer answer_before;
        memcpy(&before, &charge, sizeof before); /* with the padding, for memcmp */
        memcpy(&answer_before, &answer, sizeof answer_before);
        const wp_sample next = {sample.t_ms + step, draw_i32(), draw_i32()};
        const wp_status status = wp_charge_update(&charge, &next, &answer);

        if (step == 0 || step > 0x7FFFFFFFu) {
            CHECK(status == WP_ERROR_TIME);
            CHECK(memcmp(&charge.features, &before.features, sizeof before.features) == 0);
            CHECK(memcmp(&answer, &answer_before, sizeof answer) == 0);
            continue;
        }
        CHECK(status == WP_OK);
        CHECK(charge.features.elapsed_ms >= before.features.elapsed_ms);
        CHECK(before.features.phase != WP_PHASE_FULL || charge.features.phase == WP_PHASE_FULL);
        check_answer(&charge, &answer);
        sample = next;
    }
}

/* Counters that no test can wait for. */
static void check_counters_saturate(void)
{
    wp_features state;

    wp_features_init(&state);
    for (uint32_t k = 0; k < 5; k++) {
        const wp_sample sample = {k, k % 2u == 0 ? 5000 : 9000, 100};
        CHECK(wp_features_update(&state, &sample) == WP_OK);
        CHECK(state.n_samples == (k < 2 ? k + 1u : UINT32_MAX));
        CHECK(state.voltage_step_count == (k < 2 ? k : k == 2 ? 16777214u : 16777215u));
        if (k == 1) {
            state.n_samples = UINT32_MAX - 1u;
            state.voltage_step_count = 16777213u;
        }
    }
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    random_state = strtoull(argv[2], NULL, 10) | 1u;
    draw_tables();
    check_models();
    check_counters_saturate();
    for (long k = strtol(argv[1], NULL, 10); k > 0; k--) {
        check_charge(&good);
    }
    return 0;
}
