#include "health_log.h"
#include "wp/health.h"

#define REACH_Q16 83991 /* 1.2816: 10 and 90 % of a normal distribution */
#define JUMP_SQUARED 9
#define JUMP_AFTER 3u
#define VAR_MAX_Q32 ((int64_t)1 << 40)

/* A local level filter: health wanders between charges, and each charge is off by itself. Returns whether this one is out
 * of line with those before. */
static bool follow(wp_health_trend *trend, const wp_health_reading *reading)
{
    trend->unit_var_q32 = reading->unit_var_q32;
    const int64_t noise = reading->charge_var_q32;
    const int64_t off_q28 = (int64_t)reading->log_q28 - trend->log_q28;
    if (trend->n == 0) {
        *trend = (wp_health_trend){.n = 1, .log_q28 = reading->log_q28, .var_q32 = noise, .unit_var_q32 = reading->unit_var_q32};
        return false;
    }
    const int64_t var = wp_health_limited(trend->var_q32, 0, VAR_MAX_Q32) + reading->step_var_q32;
    const int64_t all = var + noise > 0 ? var + noise : 1;
    const int64_t gain_q16 = var * 65536 / all; /* below 2^42 x 2^16 */
    const int64_t off_q24 = wp_health_limited(off_q28 / 16, -((int64_t)1 << 30), (int64_t)1 << 30);
    const bool jump = trend->n >= JUMP_AFTER && off_q24 * off_q24 / 65536 > JUMP_SQUARED * all;
    trend->log_q28 = (int32_t)wp_health_limited(trend->log_q28 + off_q28 * gain_q16 / 65536, INT32_MIN, INT32_MAX);
    trend->var_q32 = var - var * gain_q16 / 65536;
    trend->n += trend->n < UINT32_MAX ? 1u : 0u;
    return jump;
}

void wp_health_take(wp_health_trend *trend, wp_health_flag flag, const wp_health_reading *reading,
                    wp_health_answer *answer)
{
    *answer = (wp_health_answer){flag, flag == WP_HEALTH_OUT_OF_FAMILY, -1, -1, -1, -1};
    if (flag == WP_HEALTH_OK) {
        const bool jump = follow(trend, reading);
        answer->flag = jump ? WP_HEALTH_JUMP : WP_HEALTH_OK;
        answer->out_of_family = jump;
        answer->charge_permille = wp_health_permille(reading->log_q28);
    }
    if (trend->n == 0) {
        return;
    }
    const uint64_t variance_q32 = (uint64_t)wp_health_limited(trend->var_q32, 0, VAR_MAX_Q32) + trend->unit_var_q32;
    const int64_t reach_q28 = (int64_t)wp_health_root(variance_q32 << 16) * REACH_Q16 / 4096; /* root x 2^24 */
    answer->soh_permille = wp_health_permille(trend->log_q28);
    answer->low_permille = wp_health_permille(trend->log_q28 - reach_q28);
    answer->high_permille = wp_health_permille(trend->log_q28 + reach_q28);
}
