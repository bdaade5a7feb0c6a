#include "household_parts.h"

#include <string.h>

#define DRAWING_MA 1000
#define LEAST_PILOT_MA 6000
#define DONE_S 60
#define DIRECT_MV 276000 /* on one phase without a pilot: no grid has it */
#define DIRECT_MA 80000
#define WEIGHT_END 16384u

static const uint16_t exp2_q16[16] = {65535, 62757, 60096, 57548, 55108, 52772, 50534, 48392,
                                      46340, 44376, 42494, 40693, 38967, 37315, 35733, 34218};

void wp_household_init(wp_household *state, const wp_household_model *model)
{
    memset(state, 0, sizeof *state);
    state->possible = (uint8_t)((1u << model->n_cars) - 1u);
    state->pilot_ma = WP_MISSING;
    state->drawing_s = WP_MISSING;
    state->still_s = WP_MISSING;
    state->soc_pct = WP_MISSING;
    state->target_pct = 80;
    state->asked_wh = WP_MISSING;
}

void wp_household_ask(wp_household *state, int32_t target_pct, int32_t energy_wh)
{
    state->target_pct = target_pct <= 0 ? WP_MISSING : target_pct > 100 ? 100 : target_pct;
    state->asked_wh = energy_wh <= 0 ? WP_MISSING : energy_wh > WP_FEATURE_MAX ? WP_FEATURE_MAX : energy_wh;
}

static void follow(wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t now_s = wp_household_known(x, WP_VEHICLE_ELAPSED_S, 0);
    const int32_t current_ma = wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0);
    const int32_t pilot_ma = wp_household_feature(x, WP_VEHICLE_PILOT_MA);
    if (pilot_ma != state->pilot_ma) {
        state->pilot_ma = pilot_ma;
        state->pilot_s = now_s;
    }
    if (current_ma >= DRAWING_MA) {
        state->drawn = true;
        state->still_s = WP_MISSING;
        state->drawing_s = state->drawing_s == WP_MISSING ? now_s : state->drawing_s;
    } else {
        state->drawing_s = WP_MISSING;
        state->still_s = state->still_s == WP_MISSING ? now_s : state->still_s;
    }
    const bool single = wp_household_known(x, WP_VEHICLE_ACTIVE_PHASES, 0) <= 1 && pilot_ma == WP_MISSING;
    if (single && current_ma >= DRAWING_MA &&
        (current_ma > DIRECT_MA || wp_household_known(x, WP_VEHICLE_VOLTAGE_MV, 0) > DIRECT_MV)) {
        state->direct = true;
    }
    const int32_t soc_pct = wp_household_feature(x, WP_VEHICLE_SOC_PCT);
    if (soc_pct >= 0 && soc_pct <= 100 && (state->soc_pct == WP_MISSING || soc_pct > state->soc_pct)) {
        state->soc_risen = state->soc_pct != WP_MISSING;
        state->soc_pct = soc_pct;
        state->soc_wh = wp_household_known(x, WP_VEHICLE_ENERGY_WH, 0);
    }
}

static bool is_possible(const wp_household *state, uint32_t k)
{
    return ((uint32_t)state->possible >> k & 1u) != 0u;
}

/* The possible car that costs least, the first of equals. */
static uint32_t nearest(const wp_household *state, uint32_t n_cars, const uint32_t cost[WP_HOUSEHOLD_CARS_MAX])
{
    uint32_t best = 0; /* the set is never empty but in a state never made here */
    uint32_t least = UINT32_MAX;
    for (uint32_t k = 0; k < n_cars; k++) {
        if (is_possible(state, k) && cost[k] < least) {
            best = k;
            least = cost[k];
        }
    }
    return best;
}

/* Takes a sample's features: what each car costs now, which are possible still, and the nearest of them. */
static uint32_t take(wp_household *state, const wp_household_model *model, const int32_t x[WP_N_VEHICLE_FEATURES],
                     uint32_t cost[WP_HOUSEHOLD_CARS_MAX])
{
    const uint32_t n_cars = model->n_cars;
    follow(state, x);
    for (uint32_t k = 0; k < n_cars; k++) {
        const uint16_t strain = wp_household_strain(state, &model->cars[k], x);
        if (strain > state->worst[k]) {
            state->worst[k] = strain;
        }
    }
    const int32_t current_ma = wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0);
    if (wp_household_held(state, x) && current_ma > state->most_ma) {
        state->most_ma = current_ma;
    }
    for (uint32_t k = 0; k < n_cars; k++) {
        cost[k] = wp_household_cost(state, model, k, x);
    }
    const uint32_t best = nearest(state, n_cars, cost);
    for (uint32_t k = 0; k < n_cars; k++) {
        if (cost[k] > cost[best] && cost[k] - cost[best] > model->set_within) {
            state->possible = (uint8_t)(state->possible & ~(1u << k));
        }
    }
    return best;
}

/* Probability relative to the likeliest, which has 65535. */
static uint32_t weight_of(const wp_household_model *model, uint32_t apart)
{
    const uint64_t z = ((uint64_t)apart * model->confidence_multiplier) >> 8;
    return z >= WEIGHT_END ? 0u : (uint32_t)exp2_q16[(z & 1023u) >> 6] >> (z >> 10);
}

static uint8_t phase_of(const wp_household *state, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    if (!state->drawn) {
        return WP_HOUSEHOLD_WAITING;
    }
    if (state->still_s == WP_MISSING) {
        return wp_household_tapering(state, x) ? WP_HOUSEHOLD_TAPER : WP_HOUSEHOLD_CHARGING;
    }
    const bool allowed = state->pilot_ma == WP_MISSING || state->pilot_ma >= LEAST_PILOT_MA;
    const int64_t still_s = (int64_t)wp_household_known(x, WP_VEHICLE_ELAPSED_S, 0) - state->still_s;
    return allowed && still_s >= DONE_S ? WP_HOUSEHOLD_DONE : WP_HOUSEHOLD_PAUSED;
}

/* The least usual rating that holds a power, with a twentieth to spare; beyond all of them the largest. */
static int32_t power_class(int32_t power_w)
{
    static const int32_t ratings_w[] = {2300, 3700, 7400, 11000, 22000, 43000, 50000, 75000, 100000, 150000, 250000, 350000};
    const size_t n = sizeof ratings_w / sizeof ratings_w[0];
    for (size_t k = 0; k + 1u < n; k++) {
        if (power_w <= ratings_w[k] + ratings_w[k] / 20) {
            return ratings_w[k];
        }
    }
    return ratings_w[n - 1u];
}

/* Mean of the cars' estimates, weighted by how probable they are. */
static void estimate(const wp_household *state, const wp_household_model *model, const uint32_t weight[],
                     const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_answer *answer)
{
    int64_t done[3] = {0, 0, 0}, target[3] = {0, 0, 0}, energy = 0, sum = 0;
    wp_household_left left;
    bool unknown_target = false;
    const uint32_t n_cars = model->n_cars;
    for (uint32_t k = 0; k <= n_cars; k++) {
        if (weight[k] == 0u) {
            continue;
        }
        wp_household_left_with(state, model, &model->cars[k], x, &left);
        const uint32_t part = weight[k] * left.chance; /* below 2^30 */
        for (uint32_t q = 0; q < 3u; q++) {
            done[q] += (int64_t)left.done_s[q] * part;
            target[q] += (int64_t)left.target_s[q] * part;
        }
        energy += (int64_t)left.done_wh * part;
        sum += part;
        unknown_target = unknown_target || left.target_s[0] < 0;
        answer->stage = left.stage; /* of the last: cars differ in it only in DC and before half their energy */
    }
    for (uint32_t q = 0; q < 3u; q++) {
        answer->done_s[q] = sum > 0 ? (int32_t)(done[q] / sum) : 0;
        answer->target_s[q] = unknown_target ? -1 : sum > 0 ? (int32_t)(target[q] / sum) : 0;
    }
    answer->energy_to_go_wh = sum > 0 ? (int32_t)(energy / sum) : 0;
    if (unknown_target) {
        answer->flags |= WP_HOUSEHOLD_NO_TARGET;
    }
}

void wp_household_update(wp_household *state, const wp_household_model *model, const int32_t x[WP_N_VEHICLE_FEATURES],
                         wp_household_answer *answer)
{
    uint32_t cost[WP_HOUSEHOLD_CARS_MAX] = {0}, weight[WP_HOUSEHOLD_CARS_MAX + 1] = {0}, sum = 0u;
    const int32_t power_w = wp_household_known(x, WP_VEHICLE_POWER_MAX_W, 0);
    const int32_t phases = wp_household_known(x, WP_VEHICLE_ACTIVE_PHASES, 0);
    const uint32_t n_cars = model->n_cars;
    const uint32_t best = take(state, model, x, cost);
    memset(answer, 0, sizeof *answer);
    answer->car = (uint8_t)best;
    answer->possible = state->possible;
    answer->phase = phase_of(state, x);
    answer->active_phases = phases < 0 || phases > WP_N_PHASES ? 0u : (uint8_t)phases;
    answer->power_class_w = state->drawn ? power_class(power_w) : 0;
    for (uint32_t k = 0; k < n_cars; k++) {
        if (is_possible(state, k)) {
            weight[k] = weight_of(model, cost[k] - cost[best]);
            sum += weight[k];
        }
    }
    answer->confidence_permille = (uint16_t)(sum == 0u ? 0u : (1000u * weight[best] + sum / 2u) / sum);
    const bool unknown = cost[best] > (state->direct ? model->dc_unknown_above : model->unknown_above);
    answer->flags = (uint8_t)((unknown ? WP_HOUSEHOLD_UNKNOWN : 0) | (state->direct ? WP_HOUSEHOLD_DIRECT : 0) |
                              ((state->possible & (state->possible - 1)) != 0 ? WP_HOUSEHOLD_SEVERAL : 0) |
                              (state->soc_pct != WP_MISSING ? WP_HOUSEHOLD_SOC : 0));
    if (unknown) {
        memset(weight, 0, sizeof weight);
        weight[n_cars] = 1u;
    }
    if (answer->phase != WP_HOUSEHOLD_DONE) {
        estimate(state, model, weight, x, answer);
    }
}
