/* What tests/parity/test_health.py calls by ctypes: whole charges and trends with the generated tables. */
#include "health_log.h"
#include "health_marks_model.h"
#include "health_model.h"

int32_t shim_check(void);
int32_t shim_charge(size_t n, const uint32_t *t_ms, const int32_t *voltage_mv, const int32_t *current_ma,
                    int32_t ambient, wp_health_trend *trend, int32_t *out);
int32_t shim_marks(size_t n, const int32_t *energy_wh, const int32_t *soc_pct, int32_t direct, int32_t ambient,
                   wp_health_trend *trend, int32_t *out);
int32_t shim_ln(uint64_t value);
int32_t shim_permille(int64_t log_q28);
uint32_t shim_root(uint64_t value);
uint32_t shim_trend_bytes(void);

int32_t shim_check(void)
{
    return wp_health_check(&health_model) + wp_health_marks_check(&health_marks_model);
}

static void answer_with(wp_health_trend *trend, wp_health_flag flag, const wp_health_reading *reading, int32_t *out)
{
    wp_health_answer answer;
    wp_health_take(trend, flag, reading, &answer);
    const int32_t values[8] = {flag,        reading->family,         reading->log_q28,    answer.flag,
                               answer.charge_permille, answer.soh_permille, answer.low_permille, answer.high_permille};
    for (size_t k = 0; k < 8; k++) {
        out[k] = values[k];
    }
}

/* out [8]: flag of the reading, family, log_q28, flag, charge, soh, low, high. */
int32_t shim_charge(size_t n, const uint32_t *t_ms, const int32_t *voltage_mv, const int32_t *current_ma,
                    int32_t ambient, wp_health_trend *trend, int32_t *out)
{
    wp_health_charge charge;
    wp_health_reading reading = {0};
    wp_health_begin(&charge);
    for (size_t k = 0; k < n; k++) {
        const wp_sample sample = {t_ms[k], voltage_mv[k], current_ma[k]};
        if (wp_health_update(&charge, &health_model, &sample) != WP_OK) {
            return -1;
        }
    }
    const wp_health_flag flag = wp_health_read(&charge, &health_model, ambient, &reading);
    answer_with(trend, flag, &reading, out);
    return 0;
}

int32_t shim_marks(size_t n, const int32_t *energy_wh, const int32_t *soc_pct, int32_t direct, int32_t ambient,
                   wp_health_trend *trend, int32_t *out)
{
    wp_health_marks marks;
    wp_health_reading reading = {0};
    wp_health_marks_begin(&marks);
    for (size_t k = 0; k < n; k++) {
        wp_health_marks_update(&marks, energy_wh[k], soc_pct[k]);
    }
    const wp_health_flag flag = wp_health_marks_read(&marks, &health_marks_model, direct != 0, ambient, &reading);
    answer_with(trend, flag, &reading, out);
    return 0;
}

int32_t shim_ln(uint64_t value)
{
    return wp_health_ln_q24(value);
}

int32_t shim_permille(int64_t log_q28)
{
    return wp_health_permille(log_q28);
}

uint32_t shim_root(uint64_t value)
{
    return wp_health_root(value);
}

uint32_t shim_trend_bytes(void)
{
    return (uint32_t)sizeof(wp_health_trend);
}
