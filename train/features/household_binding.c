#include "household_binding.h"

#include <string.h>

#include "household_parts.h"

#define RULE_COLUMNS (9u + 12u * WP_N_STAGES)
#define ANSWER_COLUMNS 15u

/* The fields of wp_household_car in their order: type, name, how many. */
#define CAR_FIELDS(X)                                                                              \
    X(int32_t, centre, WP_N_SIGNS)                                                                 \
    X(uint16_t, weight, WP_N_SIGNS)                                                                \
    X(uint16_t, plateau_weight, 1)                                                                 \
    X(uint16_t, power_weight, 1)                                                                   \
    X(uint16_t, limit_permille, 1)                                                                 \
    X(uint16_t, low_limit_permille, 1)                                                             \
    X(uint8_t, phases, 1)                                                                          \
    X(uint8_t, usual_end_pct, 6)                                                                   \
    X(int32_t, ceiling_ma, 1)                                                                      \
    X(int32_t, dc_mv_per_soc, 1)                                                                   \
    X(int32_t, energy_per_soc_wh, 2)                                                               \
    X(int32_t, usual_power_w, 1)                                                                   \
    X(int32_t, energy_wh, WP_HOUSEHOLD_N_ENERGY)                                                   \
    X(int32_t, taper_wh, 1)                                                                        \
    X(uint16_t, taper_s, 1)                                                                        \
    X(uint16_t, level_s, WP_HOUSEHOLD_N_LEVELS)                                                    \
    X(int32_t, curve_w, WP_HOUSEHOLD_N_CURVE)

uint32_t wp_household_binding_version(void)
{
    return WP_HOUSEHOLD_VERSION;
}

uint32_t wp_household_binding_car_columns(void)
{
    uint32_t columns = 0;
#define COUNT(type, field, n) columns += (uint32_t)(n);
    CAR_FIELDS(COUNT)
#undef COUNT
    return columns;
}

uint32_t wp_household_binding_rule_columns(void)
{
    return RULE_COLUMNS;
}

uint32_t wp_household_binding_answer_columns(void)
{
    return ANSWER_COLUMNS;
}

const char *wp_household_binding_sign(uint32_t index)
{
    static const char *const names[] = {
#define TEXT(upper, lower) #lower,
        WP_HOUSEHOLD_SIGN_LIST(TEXT)
#undef TEXT
    };
    return index < WP_N_SIGNS ? names[index] : NULL;
}

static void take_car(wp_household_car *car, const int64_t *columns)
{
    memset(car, 0, sizeof *car);
#define TAKE(type, field, n)                                                                       \
    for (size_t k = 0; k < (n); k++) {                                                             \
        const type value = (type)*columns++;                                                       \
        memcpy((char *)&car->field + k * sizeof value, &value, sizeof value);                      \
    }
    CAR_FIELDS(TAKE)
#undef TAKE
}

static void take_rules(wp_household_model *model, const int64_t *columns)
{
    model->power_now_permille = (uint16_t)columns[0];
    model->phases_cost = (uint16_t)columns[1];
    model->set_within = (uint32_t)columns[2];
    model->unknown_above = (uint32_t)columns[3];
    model->confidence_multiplier = (uint32_t)columns[4];
    for (size_t k = 0; k < WP_N_STAGES; k++) {
        for (size_t q = 0; q < 3u; q++) {
            model->done_q10[k][q] = (uint16_t)columns[5u + 3u * k + q];
            model->target_q10[k][q] = (uint16_t)columns[5u + 3u * WP_N_STAGES + 3u * k + q];
            model->done_plus_s[k][q] = (int16_t)columns[5u + 6u * WP_N_STAGES + 3u * k + q];
            model->target_plus_s[k][q] = (int16_t)columns[5u + 9u * WP_N_STAGES + 3u * k + q];
        }
    }
    model->dc_unknown_above = (uint32_t)columns[5u + 12u * WP_N_STAGES];
    for (size_t k = 0; k < 3u; k++) {
        model->dc_weight[k] = (uint16_t)columns[6u + 12u * WP_N_STAGES + k];
    }
}

static void give(const wp_household_answer *answer, int32_t *columns)
{
    const int32_t values[ANSWER_COLUMNS] = {
        answer->car,           answer->possible,       answer->flags,         answer->phase,
        answer->stage,         answer->active_phases,  answer->confidence_permille,
        answer->power_class_w, answer->done_s[0],      answer->done_s[1],     answer->done_s[2],
        answer->target_s[0],   answer->target_s[1],    answer->target_s[2],   answer->energy_to_go_wh,
    };
    memcpy(columns, values, sizeof values);
}

int32_t wp_household_binding_answer(uint32_t n_cars, const int64_t *cars, const int64_t *rules, size_t n,
                                    const int32_t *x, int32_t target_pct, int32_t energy_wh, int32_t *answers,
                                    uint32_t *cost)
{
    wp_household_car tables[WP_HOUSEHOLD_CARS_MAX + 1];
    wp_household_model model;
    wp_household state;
    wp_household_answer answer;

    memset(&model, 0, sizeof model);
    model.abi = WP_HOUSEHOLD_VERSION;
    model.features_version = WP_VEHICLE_VERSION;
    model.cars = tables;
    model.n_cars = (uint8_t)n_cars;
    if (n_cars > WP_HOUSEHOLD_CARS_MAX) {
        return -1;
    }
    for (uint32_t k = 0; k <= n_cars; k++) {
        take_car(&tables[k], cars + k * wp_household_binding_car_columns());
    }
    take_rules(&model, rules);
    if (wp_household_check(&model) != WP_OK) {
        return -1;
    }
    wp_household_init(&state, &model);
    wp_household_ask(&state, target_pct, energy_wh);
    for (size_t row = 0; row < n; row++) {
        const int32_t *features = x + row * WP_N_VEHICLE_FEATURES;
        wp_household_update(&state, &model, features, &answer);
        give(&answer, answers + row * ANSWER_COLUMNS);
        for (uint32_t k = 0; k < n_cars; k++) {
            cost[row * WP_HOUSEHOLD_CARS_MAX + k] = wp_household_cost(&state, &model, k, features);
        }
    }
    return 0;
}
