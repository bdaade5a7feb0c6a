/* A network whose graph answers whatever it likes: the core has to get along with every byte of it. Its numbers are at the
 * ends of what wp/network.h allows; with PROOF_RECURRENT it keeps a state, else a window of three rows.
 */
#include "model.h"

#include "wp/network.h"

enum { N_INPUTS = 3, N_ROW = PROOF_RECURRENT ? 0 : 2, N_KEPT = 4, N_DEVICES = 3, N_OUTPUTS = N_DEVICES + 3 + N_KEPT };

static volatile int8_t any_byte;

static int8_t input[N_INPUTS + N_KEPT + N_ROW];
static int8_t output[N_OUTPUTS];
static uint8_t arena[8];
static wp_network_memory memory = {.input = input, .output = output, .arena = arena};

static const wp_network_input inputs[N_INPUTS + N_ROW] = {
    {-WP_FEATURE_MAX, 127, 31, WP_FEATURE_ELAPSED_S},
    {WP_FEATURE_MAX, 1, 0, WP_FEATURE_VOLTAGE_MV},
    {0, 127, 7, WP_FEATURE_CURRENT_AT_15S_MA},
#if !PROOF_RECURRENT
    {-1000, 3, 4, WP_FEATURE_CURRENT_MA},
    {-WP_FEATURE_MAX, 127, 0, WP_FEATURE_POWER_MW},
#endif
};

static void reset(void *work)
{
    (void)work;
}

static void invoke(const int8_t in[], int8_t out[], void *work)
{
    (void)in;
    (void)work;
    for (size_t k = 0; k < N_OUTPUTS; k++) {
        out[k] = any_byte;
    }
}

static const wp_network network = {
    .predict = wp_network_predict,
    .crc = wp_network_crc,
    .reset = reset,
    .invoke = invoke,
    .memory = &memory,
    .inputs = inputs,
    .inputs_at = 0,
    .n_inputs = N_INPUTS,
    .n_row = N_ROW,
    .kept_at = N_INPUTS,
    .n_kept = N_KEPT,
    .kept_zero = -128,
    .tick_ms = 2,
    .margins_at = 0,
    .roots_at = N_DEVICES,
    .next_at = N_DEVICES + 3,
    .n_margins = N_DEVICES,
    .margin_zero = -128,
    .margin_multiplier = 4194303u,
    .root_multiplier = UINT32_MAX,
    .root_shift = 1,
    .root_zero = -128,
};

static const wp_history history[N_DEVICES] = {{WP_FEATURE_MAX, 1, 1}, {1, WP_FEATURE_MAX, 1}, {1, 1, WP_FEATURE_MAX}};
static const wp_baseline baseline[N_DEVICES] = {
    {1, {0, UINT16_MAX, 0}}, {WP_FEATURE_MAX / WP_N_BASELINE, {UINT16_MAX}}, {UINT16_MAX, {1, 2, UINT16_MAX}}};
static const wp_interval interval[2] = {{0, -WP_FEATURE_MAX, WP_FEATURE_MAX}, {1, INT32_MIN, INT32_MAX}};

const wp_model wp_model_generated = {
    .abi = WP_MODEL_ABI,
    .features_version = WP_FEATURES_VERSION,
    .network = &network,
    .n_devices = N_DEVICES,
    .softmax_multiplier = UINT32_MAX,
    .softmax_shift = 0,
    .unknown_below_permille = 1000,
    .history = history,
    .remaining_of_duration = true,
    .baseline = baseline,
    .smoothing_s = UINT16_MAX,
    .n_intervals = 2,
    .interval = interval,
};
