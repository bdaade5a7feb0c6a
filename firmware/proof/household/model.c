/* model.c: tables of a household that hold anything, for tools/prove.py.
 *
 * Every entry is every number its type holds. What wp_household_check then lets through are all tables a board can run
 * with, of eight cars and one more; of fewer cars the first of these tables are used.
 */
#include "model.h"

static volatile uint8_t any_u8;
static volatile uint16_t any_u16;
static volatile uint32_t any_u32;
static volatile int32_t any_i32;
static volatile int16_t any_i16;

static const char *const car_names[WP_HOUSEHOLD_CARS_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};
static wp_household_car cars[WP_HOUSEHOLD_CARS_MAX + 1];

wp_household_model wp_model_generated = {.car_names = car_names, .cars = cars};

static void any_i32s(int32_t *values, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        values[k] = any_i32;
    }
}

static void any_u16s(uint16_t *values, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        values[k] = any_u16;
    }
}

static void any_i16s(int16_t *values, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        values[k] = any_i16;
    }
}

static void any_car(wp_household_car *car)
{
    any_i32s(car->centre, WP_N_SIGNS);
    any_u16s(car->weight, WP_N_SIGNS);
    car->plateau_weight = any_u16;
    car->power_weight = any_u16;
    car->limit_permille = any_u16;
    car->low_limit_permille = any_u16;
    car->phases = any_u8;
    for (size_t q = 0; q < 3; q++) {
        car->usual_end_pct[0][q] = any_u8;
        car->usual_end_pct[1][q] = any_u8;
    }
    car->ceiling_ma = any_i32;
    car->dc_mv_per_soc = any_i32;
    any_i32s(car->energy_per_soc_wh, 2);
    car->usual_power_w = any_i32;
    any_i32s(car->energy_wh, WP_HOUSEHOLD_N_ENERGY);
    car->taper_wh = any_i32;
    car->taper_s = any_u16;
    any_u16s(car->level_s, WP_HOUSEHOLD_N_LEVELS);
    any_i32s(car->curve_w, WP_HOUSEHOLD_N_CURVE);
}

bool proof_tables(void)
{
    wp_household_model *const model = &wp_model_generated;
    model->abi = any_u16;
    model->features_version = any_u16;
    for (size_t k = 0; k < sizeof model->hash; k++) {
        model->hash[k] = any_u8;
    }
    model->power_now_permille = any_u16;
    model->phases_cost = any_u16;
    model->set_within = any_u32;
    model->unknown_above = any_u32;
    model->confidence_multiplier = any_u32;
    for (size_t k = 0; k < WP_N_STAGES; k++) {
        any_u16s(model->done_q10[k], 3);
        any_u16s(model->target_q10[k], 3);
        any_i16s(model->done_plus_s[k], 3);
        any_i16s(model->target_plus_s[k], 3);
    }
    model->dc_unknown_above = any_u32;
    any_u16s(model->dc_weight, 3);
    for (size_t k = 0; k <= WP_HOUSEHOLD_CARS_MAX; k++) {
        any_car(&cars[k]);
    }
    model->n_cars = WP_HOUSEHOLD_CARS_MAX;
    if (wp_household_check(model) != WP_OK) {
        return false;
    }
    model->n_cars = (uint8_t)(1u + any_u8 % WP_HOUSEHOLD_CARS_MAX);
    (void)wp_vehicle_name(any_u32); /* a board asks for no feature's name */
    return true;
}
