#include "wp/household.h"

#define ENERGY_MAX_WH 1000000
#define POWER_MIN_W 300
#define POWER_MAX_W 1000000
#define EACH_MAX_WH 16383
#define LIMIT_MAX 1200u
#define WEIGHT_MAX 16384

/* A macro: so tools/prove.py sees that what is compared is the table's entry, and that all later uses of it are bounded. */
#define BETWEEN(value, least, most) ((value) >= (least) && (value) <= (most))

static bool ends_and_powers(const wp_household_car *car)
{
    for (uint32_t side = 0; side < 2u; side++) {
        for (uint32_t q = 0; q < 3u; q++) {
            if (car->usual_end_pct[side][q] > 100u || (q > 0u && car->usual_end_pct[side][q] < car->usual_end_pct[side][q - 1u])) {
                return false;
            }
        }
        if (!BETWEEN(car->energy_per_soc_wh[side], 0, EACH_MAX_WH)) {
            return false;
        }
    }
    for (uint32_t k = 0; k < WP_HOUSEHOLD_N_CURVE; k++) {
        if (!BETWEEN(car->curve_w[k], POWER_MIN_W, POWER_MAX_W)) {
            return false;
        }
    }
    return BETWEEN(car->usual_power_w, POWER_MIN_W, POWER_MAX_W);
}

static bool energies(const wp_household_car *car)
{
    for (uint32_t k = 0; k < WP_HOUSEHOLD_N_ENERGY; k++) {
        if (!BETWEEN(car->energy_wh[k], 0, ENERGY_MAX_WH) || (k > 0u && car->energy_wh[k] <= car->energy_wh[k - 1u])) {
            return false;
        }
    }
    return BETWEEN(car->taper_wh, 0, UINT16_MAX);
}

static bool car_check(const wp_household_car *car)
{
    return car->limit_permille <= LIMIT_MAX && car->low_limit_permille <= LIMIT_MAX && car->phases <= WP_N_PHASES &&
           BETWEEN(car->ceiling_ma, 1000, WP_CURRENT_MAX_MA) && BETWEEN(car->dc_mv_per_soc, 0, UINT16_MAX) &&
           energies(car) && ends_and_powers(car);
}

wp_status wp_household_check(const wp_household_model *model)
{
    if (model->abi != WP_HOUSEHOLD_VERSION || model->features_version != WP_VEHICLE_VERSION || model->n_cars < 1u ||
        model->n_cars > WP_HOUSEHOLD_CARS_MAX || model->power_now_permille > 1000u) {
        return WP_ERROR_MODEL;
    }
    for (uint32_t k = 0; k < 3u; k++) {
        if (!BETWEEN(model->dc_weight[k], 1, WEIGHT_MAX)) {
            return WP_ERROR_MODEL;
        }
    }
    for (uint32_t k = 0; k <= model->n_cars; k++) {
        if (!car_check(&model->cars[k])) {
            return WP_ERROR_MODEL;
        }
    }
    return WP_OK;
}
