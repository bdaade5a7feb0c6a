/* household_stress.c: random tables and random, extreme and plausible features through wp/household.h under the
 * sanitizers; exit code 0, or 1 with the check that failed. */
#include <stdio.h>
#include <string.h>

#include "drawn_household.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

#define MODELS 400
#define CHARGES_A_MODEL 5
#define SAMPLES_A_CHARGE 60

/* A plausible value of each feature that counts, some missing, now and then anything. */
static void draw_features(int32_t x[WP_N_VEHICLE_FEATURES], int32_t elapsed_s, bool direct)
{
    for (int k = 0; k < WP_N_VEHICLE_FEATURES; k++) {
        x[k] = draw() % 4u == 0u ? WP_MISSING : upto(40000);
    }
    x[WP_VEHICLE_ELAPSED_S] = elapsed_s;
    x[WP_VEHICLE_ACTIVE_PHASES] = direct ? 1 : upto(3);
    x[WP_VEHICLE_PILOT_MA] = direct ? WP_MISSING : upto(32000);
    x[WP_VEHICLE_VOLTAGE_MV] = direct ? 400000 : 230000;
    x[WP_VEHICLE_SOC_PCT] = draw() % 2u != 0u ? upto(100) : WP_MISSING;
    x[WP_VEHICLE_TAPER_STEP_COUNT] = draw() % 4u != 0u ? 0 : upto(20);
    if (draw() % 4u == 0u) {
        x[draw() % (uint32_t)WP_N_VEHICLE_FEATURES] = anything();
    }
}

static int check_answer(const wp_household_model *model, const wp_household *state, const wp_household_answer *answer)
{
    CHECK(state->possible != 0u && state->possible >> model->n_cars == 0);
    CHECK(answer->possible == state->possible && answer->car < model->n_cars);
    CHECK((answer->possible >> answer->car & 1) != 0);
    CHECK(answer->confidence_permille <= 1000u && answer->stage < WP_N_STAGES && answer->phase <= WP_HOUSEHOLD_DONE);
    CHECK(answer->energy_to_go_wh >= 0 && answer->power_class_w >= 0);
    for (int q = 0; q < 3; q++) {
        const bool no_target = (answer->flags & WP_HOUSEHOLD_NO_TARGET) != 0;
        CHECK(answer->done_s[q] >= (q > 0 ? answer->done_s[q - 1] : 0) && answer->done_s[q] <= WP_FEATURE_MAX);
        CHECK(no_target ? answer->target_s[q] == -1 : answer->target_s[q] >= (q > 0 ? answer->target_s[q - 1] : 0));
        CHECK(answer->target_s[q] <= answer->done_s[q]);
    }
    return 0;
}

static int one_charge(const wp_household_model *model)
{
    wp_household state;
    wp_household_answer answer;
    int32_t x[WP_N_VEHICLE_FEATURES];
    const bool direct = draw() % 2u != 0u;
    wp_household_init(&state, model);
    if (draw() % 2u != 0u) {
        wp_household_ask(&state, anything(), anything());
    }
    for (int k = 0; k < SAMPLES_A_CHARGE; k++) {
        const uint8_t before = state.possible;
        draw_features(x, k * 30, direct);
        wp_household_update(&state, model, x, &answer);
        CHECK((state.possible & ~before) == 0); /* it only narrows */
        if (check_answer(model, &state, &answer) != 0) {
            return 1;
        }
    }
    return 0;
}

/* Every bound that the rules rely on is checked. */
static int check_refusals(void)
{
    wp_household_car cars[WP_HOUSEHOLD_CARS_MAX + 1];
    wp_household_model model;
    draw_model(&model, cars);
    CHECK(wp_household_check(&model) == WP_OK);
#define REFUSED(field, value)                                                                      \
    do {                                                                                           \
        const wp_household_model model_before = model;                                             \
        const wp_household_car car_before = cars[1];                                               \
        field = value;                                                                             \
        CHECK(wp_household_check(&model) == WP_ERROR_MODEL);                                       \
        model = model_before;                                                                      \
        cars[1] = car_before;                                                                      \
    } while (0)
    REFUSED(model.abi, WP_HOUSEHOLD_VERSION + 1);
    REFUSED(model.features_version, 0);
    REFUSED(model.n_cars, 0);
    REFUSED(model.n_cars, WP_HOUSEHOLD_CARS_MAX + 1);
    REFUSED(model.power_now_permille, 1001);
    REFUSED(model.dc_weight[0], 0);
    REFUSED(model.dc_weight[2], 16385);
    REFUSED(cars[1].limit_permille, 1201);
    REFUSED(cars[1].low_limit_permille, 1201);
    REFUSED(cars[1].phases, 4);
    REFUSED(cars[1].ceiling_ma, 999);
    REFUSED(cars[1].dc_mv_per_soc, -1);
    REFUSED(cars[1].usual_end_pct[1][2], 101);
    REFUSED(cars[1].energy_per_soc_wh[1], 16384);
    REFUSED(cars[1].usual_power_w, 299);
    REFUSED(cars[1].energy_wh[1], cars[1].energy_wh[0]);
    REFUSED(cars[1].energy_wh[16], 1000001);
    REFUSED(cars[1].taper_wh, 65536);
    REFUSED(cars[1].curve_w[20], 299);
    CHECK(wp_household_check(&model) == WP_OK);
    return 0;
}

int main(void)
{
    wp_household_car cars[WP_HOUSEHOLD_CARS_MAX + 1];
    wp_household_model model;
    if (check_refusals() != 0) {
        return 1;
    }
    for (int k = 0; k < MODELS; k++) {
        draw_model(&model, cars);
        CHECK(wp_household_check(&model) == WP_OK);
        for (int charge = 0; charge < CHARGES_A_MODEL; charge++) {
            if (one_charge(&model) != 0) {
                return 1;
            }
        }
    }
    return 0;
}
