/* drawn_household.h: a household's tables drawn within their bounds, for what tries lib/vehicle with any of them. Nothing
 * of this is compiled into a firmware.
 */
#ifndef DRAWN_HOUSEHOLD_H
#define DRAWN_HOUSEHOLD_H

#include <string.h>

#include "wp/household.h"

static uint64_t random_state = 88172645463325252u;

/* xorshift64: the same numbers on every machine. */
static inline uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* 0 ... most, its ends often. */
static inline int32_t upto(int32_t most)
{
    const uint32_t kind = draw() % 8u;
    return kind == 0u ? 0 : kind == 1u ? most : (int32_t)(draw() % ((uint32_t)most + 1u));
}

static inline int32_t anything(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MIN + 1, INT32_MAX, -1, 0, 1, 100, 16777215, 16777216, -16777216};
    const uint32_t drawn = draw();
    return drawn % 3u == 0u ? edges[(drawn >> 8) % 10u] : (int32_t)((int64_t)drawn - 0x80000000LL);
}

static inline void ascending(uint8_t pct[3])
{
    pct[0] = (uint8_t)upto(100);
    pct[1] = (uint8_t)(pct[0] + upto(100 - pct[0]));
    pct[2] = (uint8_t)(pct[1] + upto(100 - pct[1]));
}

static inline void draw_car(wp_household_car *car)
{
    for (int k = 0; k < WP_N_SIGNS; k++) {
        car->centre[k] = anything();
        car->weight[k] = (uint16_t)upto(UINT16_MAX);
    }
    car->plateau_weight = (uint16_t)upto(UINT16_MAX);
    car->power_weight = (uint16_t)upto(UINT16_MAX);
    car->limit_permille = (uint16_t)upto(1200);
    car->low_limit_permille = (uint16_t)upto(1200);
    car->phases = (uint8_t)upto(3);
    ascending(car->usual_end_pct[0]);
    ascending(car->usual_end_pct[1]);
    car->ceiling_ma = 1000 + upto(WP_CURRENT_MAX_MA - 1000);
    car->dc_mv_per_soc = upto(UINT16_MAX);
    car->energy_per_soc_wh[0] = upto(16383);
    car->energy_per_soc_wh[1] = upto(16383);
    car->usual_power_w = 300 + upto(999700);
    car->energy_wh[0] = upto(1000);
    for (int k = 1; k < WP_HOUSEHOLD_N_ENERGY; k++) {
        car->energy_wh[k] = car->energy_wh[k - 1] + 1 + upto(draw() % 2u != 0u ? 60000 : 1);
    }
    car->taper_wh = upto(UINT16_MAX);
    car->taper_s = (uint16_t)upto(UINT16_MAX);
    for (int k = 0; k < WP_HOUSEHOLD_N_LEVELS; k++) {
        car->level_s[k] = (uint16_t)upto(UINT16_MAX);
    }
    for (int k = 0; k < WP_HOUSEHOLD_N_CURVE; k++) {
        car->curve_w[k] = 300 + upto(999700);
    }
}

static inline void draw_model(wp_household_model *model, wp_household_car cars[WP_HOUSEHOLD_CARS_MAX + 1])
{
    memset(model, 0, sizeof *model);
    model->abi = WP_HOUSEHOLD_VERSION;
    model->features_version = WP_VEHICLE_VERSION;
    model->cars = cars;
    model->n_cars = (uint8_t)(1 + upto(WP_HOUSEHOLD_CARS_MAX - 1));
    model->power_now_permille = (uint16_t)upto(1000);
    model->phases_cost = (uint16_t)upto(UINT16_MAX);
    model->set_within = draw() >> (draw() % 32u);
    model->unknown_above = draw() >> (draw() % 32u);
    model->confidence_multiplier = draw() >> (draw() % 32u);
    for (int k = 0; k < WP_N_STAGES * 3; k++) {
        model->done_q10[k / 3][k % 3] = (uint16_t)upto(UINT16_MAX);
        model->target_q10[k / 3][k % 3] = (uint16_t)upto(UINT16_MAX);
        model->done_plus_s[k / 3][k % 3] = (int16_t)(upto(UINT16_MAX) + INT16_MIN);
        model->target_plus_s[k / 3][k % 3] = (int16_t)(upto(UINT16_MAX) + INT16_MIN);
    }
    model->dc_unknown_above = draw() >> (draw() % 32u);
    for (int k = 0; k < 3; k++) {
        model->dc_weight[k] = (uint16_t)(1 + upto(16383));
    }
    for (int k = 0; k <= model->n_cars; k++) {
        draw_car(&cars[k]);
    }
}

#endif
