#include "binding.h"

#include <string.h>

#include "wp/charge.h"
#include "wp/crc32.h"
#include "wp/network.h"

/* Python names it without asking. */
_Static_assert(WP_MISSING == INT32_MIN, "train/features/core.py: WP_MISSING");
_Static_assert(WP_N_REMAINING_FEATURES - WP_N_FEATURES == 3, "train/answer_rules.py: HISTORY_FEATURES");

static const char *const feature_names[] = {
#define FEATURE_NAME(upper, lower) #lower,
    WP_FEATURE_LIST(FEATURE_NAME)
#undef FEATURE_NAME
};

const char *wp_binding_feature_name(uint32_t index)
{
    return index < WP_N_FEATURES ? feature_names[index] : NULL;
}

uint32_t wp_binding_features_version(void)
{
    return WP_FEATURES_VERSION;
}

uint32_t wp_binding_state_bytes(void)
{
    return WP_STATE_BYTES;
}

size_t wp_binding_extract(size_t n, const uint32_t *t_ms, const int32_t *voltage_mv, const int32_t *current_ma,
                          size_t n_rows, const int64_t *rows, int32_t *x, uint32_t *state_crc, uint8_t *phase,
                          uint8_t *states)
{
    wp_features state;
    size_t row = 0;

    wp_features_init(&state);
    for (size_t k = 0; k < n; k++) {
        const wp_sample sample = {t_ms[k], voltage_mv[k], current_ma[k]};
        if (wp_features_update(&state, &sample) != WP_OK) {
            return k;
        }
        if (row < n_rows && rows[row] == (int64_t)k) {
            uint8_t bytes[WP_STATE_BYTES];
            wp_features_read(&state, x + row * WP_N_FEATURES);
            wp_features_serialise(&state, bytes);
            state_crc[row] = wp_crc32(0, bytes, sizeof bytes);
            phase[row] = state.phase;
            for (size_t b = 0; states != NULL && b < WP_STATE_BYTES; b++) {
                states[row * WP_STATE_BYTES + b] = bytes[b];
            }
            row++;
        }
    }
    return n;
}

/* Stand in for the models, so that wp_model_check finds all it wants; nothing here runs them. */
static void no_margins(const int32_t x[WP_N_FEATURES], int32_t margin[])
{
    (void)x;
    (void)margin;
}

static void no_quantiles(const int32_t x[WP_N_REMAINING_FEATURES], int32_t quantile[WP_N_QUANTILES])
{
    (void)x;
    (void)quantile;
}

/* A model and the tables it points to. */
typedef struct tables {
    wp_model model;
    wp_prototypes prototypes;
    wp_history history[WP_MAX_DEVICES];
    wp_baseline baseline[WP_MAX_DEVICES];
    wp_interval interval[255];
} tables;

static void fill_devices(tables *into, const wp_binding_rules *rules)
{
    for (size_t d = 0; d < rules->numbers[0] && d < WP_MAX_DEVICES; d++) {
        const int32_t *history = rules->history + 3 * d;
        into->history[d] = (wp_history){history[0], history[1], history[2]};
        if (rules->numbers[6] != 0) {
            const uint32_t *baseline = rules->baseline + (WP_N_BASELINE + 1u) * d;
            into->baseline[d].step_s = baseline[0];
            for (size_t k = 0; k < WP_N_BASELINE; k++) {
                into->baseline[d].remaining_s[k] = (uint16_t)baseline[k + 1u];
            }
        }
    }
}

static wp_status fill(tables *into, const wp_binding_rules *rules)
{
    const uint32_t *number = rules->numbers;

    fill_devices(into, rules);
    for (size_t k = 0; k < number[8]; k++) {
        const int64_t *part = rules->interval + 3 * k;
        into->interval[k] = (wp_interval){(uint32_t)part[0], (int32_t)part[1], (int32_t)part[2]};
    }
    into->prototypes = (wp_prototypes){(uint8_t)number[9], rules->feature, rules->shift, rules->first,
                                       rules->centre, rules->weight, number[10]};
    into->model = (wp_model){
        .abi = WP_MODEL_ABI,
        .features_version = WP_FEATURES_VERSION,
        .n_devices = (uint8_t)number[0],
        .device_predict = number[0] > 1 ? no_margins : NULL,
        .softmax_multiplier = number[1],
        .softmax_shift = (uint8_t)number[2],
        .unknown_below_permille = (uint16_t)number[3],
        .prototypes = number[9] != 0 ? &into->prototypes : NULL,
        .remaining_predict = no_quantiles,
        .remaining_shift = (uint8_t)number[4],
        .remaining_of_duration = number[5] != 0,
        .history = into->history,
        .baseline = number[6] != 0 ? into->baseline : NULL,
        .smoothing_s = (uint16_t)number[7],
        .n_intervals = (uint8_t)number[8],
        .interval = into->interval,
    };
    return wp_model_check(&into->model);
}

int32_t wp_binding_device(const wp_binding_rules *rules, size_t n, const int32_t *x, const int32_t *margin,
                          const uint32_t *elapsed_ms, const uint8_t *phase, uint8_t *device,
                          uint16_t *confidence_permille, uint8_t *flags, uint32_t *unfamiliarity)
{
    tables from;
    const wp_status status = fill(&from, rules);

    for (size_t k = 0; status == WP_OK && k < n; k++) {
        const int32_t *row = x + k * WP_N_FEATURES;
        wp_answer answer;
        wp_answer_device(&from.model, row, margin + k * rules->numbers[0], elapsed_ms[k], (wp_phase)phase[k], &answer);
        device[k] = answer.device;
        confidence_permille[k] = answer.confidence_permille;
        flags[k] = answer.flags;
        unfamiliarity[k] = wp_unfamiliarity(&from.model, answer.device, row);
    }
    return (int32_t)status;
}

int32_t wp_binding_history(const wp_binding_rules *rules, size_t n, const int32_t *x, const uint8_t *device,
                           int32_t *history_x)
{
    tables from;
    const wp_status status = fill(&from, rules);

    for (size_t k = 0; status == WP_OK && k < n; k++) {
        int32_t row[WP_N_REMAINING_FEATURES];
        memcpy(row, x + k * WP_N_FEATURES, WP_N_FEATURES * sizeof row[0]);
        wp_history_read(&from.model, device[k], row);
        memcpy(history_x + 3 * k, row + WP_N_FEATURES, 3 * sizeof row[0]);
    }
    return (int32_t)status;
}

int32_t wp_binding_remaining(const wp_binding_rules *rules, size_t n, const uint32_t *elapsed_ms,
                             const uint8_t *phase, const uint8_t *device, const int32_t *quantile,
                             int32_t *remaining_s)
{
    tables from;
    wp_estimate estimate = {0};
    const wp_status status = fill(&from, rules);

    for (size_t k = 0; status == WP_OK && k < n; k++) {
        wp_answer answer;
        if (wp_estimate_is_due(&from.model, &estimate, elapsed_ms[k], (wp_phase)phase[k])) {
            wp_estimate_update(&from.model, &estimate, device[k], elapsed_ms[k], quantile + 3 * k);
        }
        wp_answer_remaining(&from.model, &estimate, elapsed_ms[k], (wp_phase)phase[k], &answer);
        memcpy(remaining_s + 3 * k, answer.remaining_s, sizeof answer.remaining_s);
    }
    return (int32_t)status;
}

void wp_binding_encode(size_t n, size_t n_inputs, const int32_t *inputs, const int32_t *x, int8_t *out)
{
    for (size_t i = 0; i < n_inputs; i++) {
        const int32_t *values = inputs + 4 * i;
        const wp_network_input input = {
            .feature = (uint8_t)values[0],
            .offset = values[1],
            .multiplier = (uint8_t)values[2],
            .shift = (uint8_t)values[3],
        };
        for (size_t k = 0; k < n; k++) {
            wp_network_encode(&input, 1, x + k * WP_N_FEATURES, out + k * n_inputs + i);
        }
    }
}
