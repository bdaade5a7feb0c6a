/* One number of a battery's health, with tables that can be worked out on paper: health is what was put in by the rated
 * capacity, or the energy between two marks by the rated energy. */
#include "check.h"
#include "wp/health.h"

#define LN_2000_Q24 127521982 /* ln(2000) */
#define LN_250_Q24 92634742   /* ln(250) */
#define SD_2_PCT_Q32 1717987u /* 0.02^2 */

static const wp_health_model model = {
    .abi = WP_HEALTH_VERSION,
    .device = "paper",
    .rated_mah = 2000,
    .tail_ua = 500000,
    .end_ua = 50000,
    .family = {{.centre = {200 * 256, LN_2000_Q24, LN_250_Q24},
                .weight_q28 = {0, 1 << 28, 0},
                .base_q28 = 0,
                .spread = {4096, 0, 0, 4096, 0, 4096}, /* 1 / (16 mV), 1 of a logarithm */
                .spread_shift = {12, 24},
                .unit_var_q32 = SD_2_PCT_Q32,
                .charge_var_q32 = SD_2_PCT_Q32},
               {.centre = {0, LN_2000_Q24 - (4 << 24), LN_250_Q24},
                .weight_q28 = {0, 1 << 28, 0},
                .base_q28 = 1 << 28,
                .spread = {4096, 0, 0, 4096, 0, 4096},
                .spread_shift = {12, 24},
                .unit_var_q32 = SD_2_PCT_Q32,
                .charge_var_q32 = SD_2_PCT_Q32}},
    .step_var_q32 = 0};

static wp_health_charge charge;
static wp_health_trend trend;
static wp_health_reading reading;
static wp_health_answer answer;
static uint32_t t_ms;

static void sample(uint32_t step_ms, int32_t voltage_mv, int32_t current_ma)
{
    t_ms += step_ms;
    const wp_sample one = {t_ms, voltage_mv, current_ma};
    CHECK_EQUAL(wp_health_update(&charge, &model, &one), WP_OK);
}

/* 1000 mA for so many seconds, then a straight fall to `end_ma` at the same pace; 200 mV up on the way. */
static void charges(int32_t plateau_s, int32_t end_ma)
{
    wp_health_begin(&charge);
    t_ms = 0xFFFFF000u; /* the clock wraps */
    sample(0, 4000, 1000);
    sample(61000, 4000, 1000);
    for (int32_t t_s = 61; t_s < plateau_s; t_s += 60) {
        sample(60000, 4200, 1000);
    }
    for (int32_t t_s = 36; t_s <= 3600; t_s += 36) {
        const int32_t current_ma = 1000 - 10 * (t_s / 36);
        if (current_ma >= end_ma) {
            sample(36000, 4200, current_ma);
        }
    }
}

static void takes(int32_t ambient_decidegc)
{
    const wp_health_flag flag = wp_health_read(&charge, &model, ambient_decidegc, &reading);
    wp_health_take(&trend, flag, &reading, &answer);
}

static void begin(void)
{
    trend = (wp_health_trend){0};
    CHECK_EQUAL(wp_health_check(&model), WP_OK);
}

static void test_a_number_and_its_interval(void)
{
    begin();
    charges(61 + 60 * 75, 0);
    takes(WP_MISSING);
    /* 4561 s of 1000 mA are 1266.9 mAh, the fall to 50 mA 498.75: 1765.7 of 2000 */
    CHECK_EQUAL(answer.flag, WP_HEALTH_OK);
    CHECK_EQUAL(answer.charge_permille, 883);
    CHECK_EQUAL(answer.soh_permille, 883);
    CHECK_EQUAL(answer.low_permille, 851); /* 1.2816 x sqrt(0.02^2 + 0.02^2) = 3.62 % below, and above */
    CHECK_EQUAL(answer.high_permille, 915);
    CHECK_TRUE(!answer.out_of_family);
    CHECK_EQUAL(reading.family, 0);
    charges(61 + 60 * 75, 0);
    takes(200);
    CHECK_EQUAL(answer.soh_permille, 883);
    CHECK_TRUE(answer.low_permille > 851 && answer.low_permille < 883);
}

static void test_what_is_not_answered(void)
{
    begin();
    charges(61 + 60 * 75, 60); /* ends above a twentieth */
    takes(WP_MISSING);
    CHECK_EQUAL(answer.flag, WP_HEALTH_NO_WHOLE_TAIL);
    CHECK_EQUAL(answer.soh_permille, -1);
    charges(61 + 60 * 75, 0);
    takes(99);
    CHECK_EQUAL(answer.flag, WP_HEALTH_TEMPERATURE);
    CHECK_EQUAL(trend.n, 0);
    charges(61 + 60 * 7500, 0);
    takes(WP_MISSING);
    CHECK_EQUAL(answer.flag, WP_HEALTH_OUT_OF_FAMILY);
    CHECK_TRUE(answer.out_of_family && answer.charge_permille == -1);
    wp_health_begin(&charge);
    sample(1, 4000, 400);
    sample(61000, 4000, 400); /* begins in its tail */
    sample(1000, 4000, 10);
    takes(WP_MISSING);
    CHECK_EQUAL(answer.flag, WP_HEALTH_NO_WHOLE_TAIL);
    const wp_sample again = {t_ms, 4000, 10};
    CHECK_EQUAL(wp_health_update(&charge, &model, &again), WP_ERROR_TIME);
}

static void test_jump(void)
{
    begin();
    for (uint32_t k = 0; k < 4; k++) {
        charges(61 + 60 * 75, 0);
        takes(WP_MISSING);
        CHECK_EQUAL(answer.flag, WP_HEALTH_OK);
    }
    charges(61 + 60 * 90, 0); /* a seventh more */
    takes(WP_MISSING);
    CHECK_EQUAL(answer.flag, WP_HEALTH_JUMP);
    CHECK_TRUE(answer.out_of_family);
    CHECK_EQUAL(trend.n, 5);
}

static void test_marks(void)
{
    static const wp_health_marks_model car = {.abi = WP_HEALTH_VERSION,
                                              .device = "paper car",
                                              .rated_wh = 50000,
                                              .learnt = {true, false},
                                              .lost_q28 = {0, 0},
                                              .unit_var_q32 = SD_2_PCT_Q32,
                                              .charge_var_q32 = SD_2_PCT_Q32};
    wp_health_marks marks;
    begin();
    CHECK_EQUAL(wp_health_marks_check(&car), WP_OK);
    wp_health_marks_begin(&marks);
    for (int32_t pct = 30; pct <= 80; pct++) { /* 450 Wh a per cent, told twice each */
        wp_health_marks_update(&marks, (pct - 30) * 450, pct);
        wp_health_marks_update(&marks, (pct - 30) * 450 + 225, pct);
        wp_health_marks_update(&marks, 0, 101);
    }
    wp_health_flag flag = wp_health_marks_read(&marks, &car, false, 200, &reading);
    wp_health_take(&trend, flag, &reading, &answer);
    CHECK_EQUAL(answer.flag, WP_HEALTH_OK);
    CHECK_EQUAL(answer.soh_permille, 900);
    flag = wp_health_marks_read(&marks, &car, true, 200, &reading);
    CHECK_EQUAL(flag, WP_HEALTH_NO_MARKS); /* not learnt in DC */
    wp_health_marks_begin(&marks);
    for (int32_t pct = 30; pct <= 50; pct++) {
        wp_health_marks_update(&marks, (pct - 30) * 450, pct);
    }
    flag = wp_health_marks_read(&marks, &car, false, 200, &reading);
    CHECK_EQUAL(flag, WP_HEALTH_SHORT_SPAN); /* 19 % between the first move and the last */
}

int main(void)
{
    check_begin();
    RUN(test_a_number_and_its_interval);
    RUN(test_what_is_not_answered);
    RUN(test_jump);
    RUN(test_marks);
    return check_end();
}
