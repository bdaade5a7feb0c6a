/* Random and extreme samples, tables and trends for wp/health.h; built with sanitizers, which end the program at the first
 * wrong operation. */
#include <stdlib.h>
#include <string.h>

#include "wp/health.h"

static uint64_t seed = 88172645463325252u;

static uint32_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static int32_t any(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MAX, -1, 0, 1, 524287, 1048575, 50};
    const uint32_t kind = next() % 3;
    return kind == 0 ? edges[next() % 8] : kind == 1 ? (int32_t)next() : (int32_t)(next() % 3000);
}

static void fill(wp_health_family *family)
{
    for (uint32_t k = 0; k < 3; k++) {
        family->centre[k] = any();
        family->weight_q28[k] = any();
    }
    for (uint32_t k = 0; k < 6; k++) {
        family->spread[k] = next() % 2 == 0 ? 0 : any();
    }
    family->base_q28 = any();
    family->spread_shift[0] = (uint8_t)(next() % 63);
    family->spread_shift[1] = (uint8_t)(next() % 63);
    family->unit_var_q32 = next();
    family->charge_var_q32 = next() % 2 == 0 ? 0 : next();
}

static void check_answer(const wp_health_answer *answer)
{
    if (answer->soh_permille < -1 || answer->soh_permille > 2719 || answer->low_permille > answer->soh_permille ||
        answer->high_permille < answer->soh_permille || answer->charge_permille > 2719) {
        abort();
    }
}

static void charge_by_tail(const wp_health_model *model, wp_health_trend *trend)
{
    wp_health_charge charge;
    wp_health_reading reading;
    wp_health_answer answer;
    wp_sample sample = {next(), any(), any()};
    int32_t current_ma = 3000;
    wp_health_begin(&charge);
    for (uint32_t k = 0; k < 60; k++) {
        const wp_health_charge before = charge;
        sample.t_ms += next() % 8 == 0 ? next() : next() % 100000;
        sample.voltage_mv = any();
        current_ma -= (int32_t)(next() % 120); /* falls, so that tails come about; or anything */
        sample.current_ma = next() % 16 == 0 ? any() : current_ma;
        if (wp_health_update(&charge, model, &sample) != WP_OK && memcmp(&before, &charge, sizeof charge) != 0) {
            abort();
        }
    }
    const wp_health_flag flag = wp_health_read(&charge, model, next() % 2 == 0 ? WP_MISSING : any(), &reading);
    wp_health_take(trend, flag, &reading, &answer);
    check_answer(&answer);
}

static void charge_by_marks(const wp_health_marks_model *model, wp_health_trend *trend)
{
    wp_health_marks marks;
    wp_health_reading reading;
    wp_health_answer answer;
    int32_t pct = 0;
    wp_health_marks_begin(&marks);
    for (uint32_t k = 0; k < 40; k++) {
        pct += (int32_t)(next() % 5);
        wp_health_marks_update(&marks, any(), next() % 8 == 0 ? any() : pct);
    }
    const wp_health_flag flag = wp_health_marks_read(&marks, model, next() % 2 == 0, WP_MISSING, &reading);
    wp_health_take(trend, flag, &reading, &answer);
    check_answer(&answer);
}

int main(void)
{
    uint32_t n_answered = 0;
    for (uint32_t run = 0; run < 20000; run++) {
        wp_health_trend trend = {0};
        wp_health_model model = {.abi = WP_HEALTH_VERSION, .rated_mah = 1000, .step_var_q32 = next()};
        wp_health_marks_model marks = {.abi = WP_HEALTH_VERSION, .learnt = {true, next() % 2 == 0}};
        model.tail_ua = 2 + (int32_t)(next() % 3000000);
        model.end_ua = 1 + (int32_t)(next() % (uint32_t)(model.tail_ua - 1));
        fill(&model.family[0]);
        fill(&model.family[1]);
        marks.rated_wh = 1 + (int32_t)(next() % 100000);
        marks.lost_q28[0] = any();
        marks.lost_q28[1] = any();
        marks.unit_var_q32 = next();
        marks.charge_var_q32 = next();
        marks.step_var_q32 = next();
        if (wp_health_check(&model) != WP_OK || wp_health_marks_check(&marks) != WP_OK) {
            abort();
        }
        if (next() % 4 == 0) { /* as flash may give it back */
            trend = (wp_health_trend){next(), any(), (int64_t)next() << (next() % 32), next()};
        }
        for (uint32_t k = 0; k < 3; k++) {
            charge_by_tail(&model, &trend);
            charge_by_marks(&marks, &trend);
        }
        n_answered += trend.n > 0 ? 1u : 0u;
    }
    return n_answered > 1000 ? 0 : 1;
}
