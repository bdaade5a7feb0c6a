#include "wp/estimate.h"

#include "fixed_point.h"

#define FIRST_MINUTE_MS 60000u
#define SETTLED_MS 10000u /* before it every sample changes the picture: there is nothing to average yet */
#define GAIN_ONE 65536u
#define END_MAX_Q4 ((int32_t)1 << 29)

/* Moments that are one to the model: seconds, later tens of them. */
static uint32_t slot(uint32_t elapsed_ms)
{
    return elapsed_ms < FIRST_MINUTE_MS ? elapsed_ms / 1000u : 54u + elapsed_ms / 10000u;
}

bool wp_estimate_is_due(const wp_model *model, const wp_estimate *estimate, uint32_t elapsed_ms, wp_phase phase)
{
    if (phase == WP_PHASE_FULL) {
        return false;
    }
    return !estimate->begun || model->smoothing_s == 0 || slot(elapsed_ms) != slot(estimate->asked_ms);
}

/* Of features and of a history, whose values are at least 1. |1000 x| < 2^35. */
static int32_t permille_of(int32_t x, int32_t whole)
{
    return saturate(round_divide_64((int64_t)1000 * x, (uint32_t)whole));
}

void wp_history_read(const wp_model *model, uint8_t device, int32_t x[WP_N_REMAINING_FEATURES])
{
    const wp_history *history = &model->history[device];
    const int64_t power_uw = (int64_t)x[WP_FEATURE_VOLTAGE_MEAN_60S_MV] * x[WP_FEATURE_CURRENT_MEAN_60S_MA];

    x[WP_FEATURE_DEVICE_DURATION_S] = history->duration_s;
    x[WP_FEATURE_CHARGE_OF_DEVICE_PERMILLE] = permille_of(x[WP_FEATURE_CHARGE_MAH], history->charge_mah);
    x[WP_FEATURE_POWER_OF_DEVICE_PERMILLE] = saturate(round_divide_64(power_uw, (uint32_t)history->power_mw));
}

/* Between two kept moments the median runs straight; after the last it stays. The products are below 2^16 x 2^20. */
static int32_t baseline_s(const wp_baseline *baseline, uint32_t elapsed_s)
{
    const uint32_t k = elapsed_s / baseline->step_s;

    if (k >= WP_N_BASELINE - 1u) {
        return baseline->remaining_s[WP_N_BASELINE - 1u];
    }
    const int32_t rise_s = (int32_t)baseline->remaining_s[k + 1u] - (int32_t)baseline->remaining_s[k];
    const int64_t part = (int64_t)rise_s * (int64_t)(elapsed_s - k * baseline->step_s);
    return saturate((int64_t)baseline->remaining_s[k] + round_divide_64(part, baseline->step_s));
}

/* floor(x / 2^shift): a right shift of a negative number is the compiler's choice in C. */
static int64_t floor_shift(int64_t x, uint8_t shift)
{
    return x >= 0 ? x >> shift : -1 - ((-1 - x) >> shift);
}

/* One output in seconds, within +-WP_FEATURE_MAX. |output| <= 2^31 times a duration below 2^24 stays below 2^55. */
static int32_t output_s(const wp_model *model, int32_t output, uint8_t device, uint32_t elapsed_ms)
{
    const uint8_t shift = model->remaining_shift;
    const int64_t half = shift == 0 ? 0 : (int64_t)1 << (shift - 1);
    const int64_t scaled = model->remaining_of_duration ? (int64_t)output * model->history[device].duration_s : output;
    int64_t s = floor_shift(scaled + half, shift);

    if (model->baseline != NULL) {
        s += baseline_s(&model->baseline[device], elapsed_ms / 1000u);
    }
    return saturate(s);
}

/* Elapsed time in 1/16 s, below 2^27. */
static int32_t now_q4(uint32_t elapsed_ms)
{
    return (int32_t)(((uint64_t)elapsed_ms * 2u) / 125u);
}

/* The share of the way the estimate goes: dt / (tau + dt) in 1/65536, where tau is at most a quarter of the time gone
 * by, for early answers are worth less. tau below 2^26 ms: the sum stays below 2^33. */
static uint32_t gain(const wp_model *model, const wp_estimate *estimate, uint32_t elapsed_ms)
{
    const uint32_t dt_ms = elapsed_ms - estimate->asked_ms;
    const uint32_t most_ms = 1000u * (uint32_t)model->smoothing_s;
    const uint32_t tau_ms = elapsed_ms / 4u < most_ms ? elapsed_ms / 4u : most_ms;

    if (!estimate->begun || elapsed_ms < SETTLED_MS || tau_ms == 0) {
        return GAIN_ONE;
    }
    const uint64_t share = ((uint64_t)dt_ms << 16) / ((uint64_t)tau_ms + dt_ms);
    return share < GAIN_ONE ? (uint32_t)share : GAIN_ONE;
}

/* Ends lie within +-2^29 (16 x 2^24 and 2^27 of elapsed time), and so does what lies between two of them: differences
 * and moves fit 32 bits. The limit changes nothing; a prover sees by it what the words say. */
void wp_estimate_update(const wp_model *model, wp_estimate *estimate, uint8_t device, uint32_t elapsed_ms,
                        const int32_t quantile[WP_N_QUANTILES])
{
    const uint32_t share = gain(model, estimate, elapsed_ms);

    for (size_t j = 0; j < WP_N_QUANTILES; j++) {
        const int32_t end_q4 = 16 * output_s(model, quantile[j], device, elapsed_ms) + now_q4(elapsed_ms);
        const int32_t before_q4 = estimate->begun ? estimate->end_q4[j] : 0;
        const int32_t difference = end_q4 - before_q4;
        const int32_t move = (int32_t)(((uint64_t)magnitude(difference) * share + 32768u) >> 16);
        const int32_t moved_q4 = before_q4 + (difference < 0 ? -move : move);
        estimate->end_q4[j] = limit(moved_q4, -END_MAX_Q4, END_MAX_Q4);
    }
    estimate->begun = true;
    estimate->asked_ms = elapsed_ms;
}

int32_t wp_estimate_remaining_s(const wp_estimate *estimate, uint32_t elapsed_ms, size_t j)
{
    return (int32_t)floor_shift((int64_t)estimate->end_q4[j] - now_q4(elapsed_ms) + 8, 4);
}
