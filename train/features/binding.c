#include "binding.h"

#include "wp/charge.h"
#include "wp/crc32.h"
#include "wp/network.h"

/* Python names it without asking. */
_Static_assert(WP_MISSING == INT32_MIN, "train/features/core.py: WP_MISSING");

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

static void no_quantiles(const int32_t x[WP_N_FEATURES], int32_t quantile[WP_N_QUANTILES])
{
    (void)x;
    (void)quantile;
}

int32_t wp_binding_answers(size_t n, const uint32_t *rules, const int32_t *offset_s, const int32_t *margin,
                           const int32_t *quantile, const uint8_t *phase, uint8_t *device,
                           uint16_t *confidence_permille, int32_t *remaining_s, uint8_t *flags)
{
    const wp_model model = {
        .abi = WP_MODEL_ABI,
        .features_version = WP_FEATURES_VERSION,
        .n_devices = (uint8_t)rules[0],
        .device_predict = rules[0] > 1 ? no_margins : NULL,
        .softmax_multiplier = rules[1],
        .softmax_shift = (uint8_t)rules[2],
        .unknown_below_permille = (uint16_t)rules[3],
        .remaining_predict = no_quantiles,
        .remaining_shift = (uint8_t)rules[4],
        .remaining_offset_s = {offset_s[0], offset_s[1], offset_s[2]},
    };
    const wp_status status = wp_model_check(&model);

    for (size_t k = 0; status == WP_OK && k < n; k++) {
        wp_answer answer;
        wp_answer_from_outputs(&model, margin + k * rules[0], quantile + k * WP_N_QUANTILES, (wp_phase)phase[k],
                               &answer);
        device[k] = answer.device;
        confidence_permille[k] = answer.confidence_permille;
        flags[k] = answer.flags;
        for (size_t j = 0; j < WP_N_QUANTILES; j++) {
            remaining_s[k * WP_N_QUANTILES + j] = answer.remaining_s[j];
        }
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
            out[k * n_inputs + i] = wp_network_encode(&input, x[k * WP_N_FEATURES + input.feature]);
        }
    }
}
