#include <string.h>

#include "health_log.h"
#include "wp/health.h"

#define ENERGY_MAX_WH 1000000000
#define SPAN_MIN_PCT 20
#define LOG_MIN_Q28 (-245964920) /* ln 0.4 */
#define LOG_MAX_Q28 37517061     /* ln 1.15: beyond, it is another kind of battery, or the meter is wrong */

wp_status wp_health_marks_check(const wp_health_marks_model *model)
{
    const bool right = model->abi == WP_HEALTH_VERSION && model->rated_wh > 0 && (model->learnt[0] || model->learnt[1]);
    return right ? WP_OK : WP_ERROR_MODEL;
}

void wp_health_marks_begin(wp_health_marks *marks)
{
    memset(marks, 0, sizeof *marks);
}

void wp_health_marks_update(wp_health_marks *marks, int32_t energy_wh, int32_t soc_pct)
{
    const int32_t now_wh = (int32_t)wp_health_limited(energy_wh, 0, ENERGY_MAX_WH);
    if (soc_pct < 0 || soc_pct > 100) {
        return;
    }
    if (marks->begun && soc_pct > marks->soc_pct) { /* it moved somewhere between this sample and the one before */
        marks->last_pct = soc_pct;
        marks->last_2wh = now_wh + marks->energy_wh;
        marks->last_step_wh = now_wh - marks->energy_wh;
        if (marks->n_moves == 0) {
            marks->first_pct = marks->last_pct;
            marks->first_2wh = marks->last_2wh;
            marks->first_step_wh = marks->last_step_wh;
        }
        marks->n_moves = marks->n_moves < 2 ? (uint8_t)(marks->n_moves + 1) : 2;
    }
    marks->soc_pct = marks->begun && marks->soc_pct > soc_pct ? marks->soc_pct : soc_pct;
    marks->energy_wh = now_wh;
    marks->begun = true;
}

/* Variance of the energy between the marks, from not knowing when within a step it moved: uniform in both. */
static uint64_t step_var_q32(const wp_health_marks *marks, int32_t between_2wh)
{
    const int64_t first = marks->first_step_wh;
    const int64_t last = marks->last_step_wh;
    uint64_t steps = (uint64_t)(first * first + last * last); /* below 2^61 */
    uint64_t whole = (uint64_t)between_2wh * (uint32_t)between_2wh;
    while (steps >= (uint64_t)1 << 31) { /* at most 30 times */
        steps >>= 1;
        whole >>= 1;
    }
    whole = whole > 0 ? whole : 1;
    return (steps << 32) / 3u / whole; /* (a^2 + b^2) / 12 of Wh, by the square of half of between_2wh */
}

wp_health_flag wp_health_marks_read(const wp_health_marks *marks, const wp_health_marks_model *model, bool direct,
                                    int32_t ambient_decidegc, wp_health_reading *reading)
{
    const uint8_t side = direct ? 1 : 0;
    const int32_t between_2wh = marks->last_2wh - marks->first_2wh;
    const int32_t span_pct = marks->last_pct - marks->first_pct;
    if (marks->n_moves < 2 || between_2wh <= 0 || !model->learnt[side]) {
        return WP_HEALTH_NO_MARKS;
    }
    if (!wp_health_is_mild(ambient_decidegc)) {
        return WP_HEALTH_TEMPERATURE;
    }
    if (span_pct < SPAN_MIN_PCT) {
        return WP_HEALTH_SHORT_SPAN;
    }
    /* between / span x 100 / rated, as a quotient of whole numbers */
    const int64_t log_q24 = (int64_t)wp_health_ln_q24((uint64_t)between_2wh * 50u) -
                            wp_health_ln_q24((uint64_t)span_pct * (uint32_t)model->rated_wh);
    const int64_t log_q28 = log_q24 * 16 - model->lost_q28[side];
    if (log_q28 < LOG_MIN_Q28 || log_q28 > LOG_MAX_Q28) {
        return WP_HEALTH_OUT_OF_FAMILY;
    }
    const uint64_t charge_var = model->charge_var_q32 + step_var_q32(marks, between_2wh);
    *reading = (wp_health_reading){side, (int32_t)log_q28, model->unit_var_q32,
                                   charge_var < UINT32_MAX ? (uint32_t)charge_var : UINT32_MAX, model->step_var_q32};
    return WP_HEALTH_OK;
}
