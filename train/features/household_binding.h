/* household_binding.h: wp/household.h as Python calls it: flat tables, whole charges. household.py reads its
 * declarations from this very file. */
#ifndef WP_HOUSEHOLD_BINDING_H
#define WP_HOUSEHOLD_BINDING_H

#include <stddef.h>
#include <stdint.h>

uint32_t wp_household_binding_version(void);

/* Numbers of one car, of the rules, of one answer, in the order of the structs. */
uint32_t wp_household_binding_car_columns(void);
uint32_t wp_household_binding_rule_columns(void);
uint32_t wp_household_binding_answer_columns(void);

/* Name of a sign, NULL beyond the last. */
const char *wp_household_binding_sign(uint32_t index);

/* Answers one charge, sample by sample.
 *
 *   cars        [n_cars + 1][car columns], the last any other car
 *   rules       [rule columns]
 *   x           [n][features]
 *   target_pct  as wp_household_ask takes it, and energy_wh
 *   answers     [n][answer columns]
 *   cost        [n][8], of each car after the sample
 *
 * Returns 0, or -1 where the tables are refused. */
int32_t wp_household_binding_answer(uint32_t n_cars, const int64_t *cars, const int64_t *rules, size_t n,
                                    const int32_t *x, int32_t target_pct, int32_t energy_wh, int32_t *answers,
                                    uint32_t *cost);

#endif
