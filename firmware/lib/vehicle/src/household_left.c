#include "household_parts.h"

#define LEAST_POWER_W 300
#define MOST_POWER_W 1000000
#define MOST_WH 1000000 /* 3600 times it fits 32 bits */
#define N_ENDS 4u /* of three quantiles, and the target */
#define PART_MOST 16384 /* sixteen sixteenths, in 1024ths of one */
#define DC_SETTLED_S 60
#define GAIN_MIN_PCT 5
#define EACH_USUAL_WH 550
#define EACH_MOST_WH 16383

static const int32_t level_permille[3] = {100, 500, 900};

/* A time that is not negative, by a factor in 1024ths, and some more or less. */
static int32_t scaled(int32_t time_s, uint16_t factor_q10, int16_t plus_s)
{
    const uint64_t product = ((uint64_t)(uint32_t)time_s * factor_q10) >> 10;
    const int32_t sum_s = (product > (uint64_t)WP_FEATURE_MAX ? WP_FEATURE_MAX : (int32_t)product) + plus_s;
    return wp_household_within(sum_s, 0, WP_FEATURE_MAX);
}

static int32_t seconds(int32_t energy_wh, int32_t power_w)
{
    const uint32_t energy = (uint32_t)wp_household_within(energy_wh, 0, MOST_WH);
    const uint32_t power = (uint32_t)(power_w < LEAST_POWER_W ? LEAST_POWER_W : power_w);
    return (int32_t)(energy * 3600u / power); /* at most 12 000 000 */
}

/* Where an energy lies among a car's, in 1024ths of a sixteenth, 0 ... PART_MOST. */
static int32_t part_of(const wp_household_car *car, int32_t energy_wh)
{
    for (int32_t k = 0; k + 1 < WP_HOUSEHOLD_N_ENERGY; k++) {
        const int32_t width = car->energy_wh[k + 1] - car->energy_wh[k];
        const int32_t above = energy_wh - car->energy_wh[k];
        if (above <= 0) {
            return k * 1024;
        }
        if (above < width) {
            const int32_t part = above * 1024 / width;
            return k * 1024 + (part < 1024 ? part : 1023); /* it is: for the proof */
        }
    }
    return PART_MOST;
}

static int32_t energy_at(const wp_household_car *car, int32_t part)
{
    if (part >= PART_MOST) {
        return car->energy_wh[WP_HOUSEHOLD_N_ENERGY - 1];
    }
    const int32_t k = part / 1024;
    const int32_t width = car->energy_wh[k + 1] - car->energy_wh[k];
    return car->energy_wh[k] + width * (part % 1024) / 1024;
}

/* Power expected from now on in AC. */
static int32_t power_of(const wp_household_model *model, const wp_household_car *car,
                        const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t now_w = wp_household_known(x, WP_VEHICLE_POWER_W, 0);
    if (wp_household_feature(x, WP_VEHICLE_PLATEAU_DWELL_S) == WP_MISSING || now_w < LEAST_POWER_W) {
        return car->usual_power_w;
    }
    const uint32_t now = (uint32_t)(now_w > MOST_POWER_W ? MOST_POWER_W : now_w) * model->power_now_permille;
    return (int32_t)((now + (uint32_t)car->usual_power_w * (1000u - model->power_now_permille)) / 1000u);
}

/* Time for an energy up to the end of a charge in AC, the last of it in the taper where `tapers`. */
static int32_t through_taper(const wp_household_car *car, int32_t energy_wh, int32_t power_w, bool tapers)
{
    const int32_t taper_wh = car->taper_wh;
    if (!tapers || car->taper_s == 0u || taper_wh <= 0) {
        return seconds(energy_wh, power_w);
    }
    if (energy_wh <= taper_wh) {
        return (int32_t)((uint32_t)energy_wh * car->taper_s / (uint32_t)taper_wh);
    }
    return seconds(energy_wh - taper_wh, power_w) + car->taper_s;
}

/* Energy for one per cent: the car's; where it is not known this charge's own, or of a battery of usual size. */
static int32_t each_of(const wp_household *state, const wp_household_car *car, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t known_wh = car->energy_per_soc_wh[state->direct ? 1 : 0];
    if (known_wh > 0) {
        return known_wh;
    }
    const bool shown = wp_household_known(x, WP_VEHICLE_SOC_GAIN_PCT, 0) >= GAIN_MIN_PCT;
    const int32_t own_wh = wp_household_known(x, WP_VEHICLE_ENERGY_PER_SOC_WH, 0);
    return shown && own_wh > 0 ? wp_household_within(own_wh, 1, EACH_MOST_WH) : EACH_USUAL_WH;
}

/* State of charge in thousandths of a per cent: whole per cents as told, and what was delivered since. */
static int32_t soc_milli(const wp_household *state, const wp_household_car *car, const int32_t x[WP_N_VEHICLE_FEATURES])
{
    const int32_t each_wh = each_of(state, car, x);
    const int32_t taken_wh = wp_household_known(x, WP_VEHICLE_ENERGY_WH, 0);
    const int32_t since_wh = wp_household_within(taken_wh - state->soc_wh, 0, MOST_WH);
    const int32_t part = since_wh * 1000 / each_wh;
    /* When it was first told it had stood there for some time: half of it is as good as any. */
    const int32_t begun = wp_household_within(state->soc_risen ? part : part + 500, 0, 999);
    return state->soc_pct >= 100 ? 100000 : wp_household_pct(state->soc_pct) * 1000 + begun;
}

/* Energy from a state of charge in thousandths up to one in per cent; 0 where it lies above. */
static int32_t between(int32_t from_milli, int32_t to_pct, int32_t each_wh)
{
    const int32_t apart = to_pct * 1000 - from_milli;
    return apart <= 0 ? 0 : apart * each_wh / 1000; /* 100 000 x 16383 fits 32 bits */
}

/* Tenths of a second along a part of the car's curve, of which `share_q10` flows; at most 16383 x 5000 x 36 / 300. */
static uint32_t piece(const wp_household_car *car, int32_t each_wh, int32_t from_milli, int32_t to_milli,
                      int32_t share_q10)
{
    const int32_t curve_w = wp_household_curve_w(car, (from_milli + to_milli) / 2);
    const uint32_t power_w = (uint32_t)curve_w * (uint32_t)share_q10 / 1024u;
    return (uint32_t)each_wh * (uint32_t)(to_milli - from_milli) * 36u / (power_w < LEAST_POWER_W ? LEAST_POWER_W : power_w);
}

/* From a state of charge along the curve to each of four others, in seconds: pieces of 5 % that lie before several of
 * them are gone through once. Tenths of a second each piece, so that what is cut off does not add up. */
static void along_curve(const wp_household_car *car, int32_t each_wh, int32_t from_milli, const int32_t to_milli[N_ENDS],
                        int32_t share_q10, int32_t time_s[N_ENDS])
{
    uint32_t before = 0u; /* at most 21 pieces */
    int32_t furthest = to_milli[0], begin = from_milli;
    for (uint32_t q = 0; q < N_ENDS; q++) {
        furthest = to_milli[q] > furthest ? to_milli[q] : furthest;
        time_s[q] = 0;
    }
    for (uint32_t k = 1; k < WP_HOUSEHOLD_N_CURVE && begin < furthest; k++) {
        const int32_t end = (int32_t)k * 5000;
        if (begin >= end) {
            continue;
        }
        const uint32_t whole = furthest < end ? 0u : piece(car, each_wh, begin, end, share_q10);
        for (uint32_t q = 0; q < N_ENDS; q++) {
            if (to_milli[q] >= end) {
                time_s[q] = (int32_t)((before + whole) / 10u);
            } else if (to_milli[q] > begin) {
                time_s[q] = (int32_t)((before + piece(car, each_wh, begin, to_milli[q], share_q10)) / 10u);
            }
        }
        before += whole;
        begin = end;
    }
}

/* How much of the car's curve flows now, in 1024ths, 64 ... 1280; all of it while that cannot be told. */
static int32_t share_of_curve(const wp_household *state, const wp_household_car *car,
                              const int32_t x[WP_N_VEHICLE_FEATURES], int32_t at_milli)
{
    const int32_t now_s = wp_household_known(x, WP_VEHICLE_ELAPSED_S, 0);
    if (state->drawing_s == WP_MISSING || wp_household_since(now_s, state->drawing_s) < DC_SETTLED_S) {
        return 1024;
    }
    const int32_t now_w = wp_household_within(wp_household_known(x, WP_VEHICLE_POWER_W, 0), 0, MOST_POWER_W);
    return wp_household_within(now_w * 1024 / wp_household_curve_w(car, at_milli), 64, 1280);
}

static void left_in_dc(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                       const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    const int32_t at = soc_milli(state, car, x), each_wh = each_of(state, car, x);
    const int32_t share = share_of_curve(state, car, x, at);
    left->stage = share < 640 ? WP_STAGE_DC_LOW : share < 896 ? WP_STAGE_DC_PART : WP_STAGE_DC;
    left->chance = model->dc_weight[left->stage - WP_STAGE_DC_LOW];
    int32_t end_milli[N_ENDS], time_s[N_ENDS];
    for (uint32_t q = 0; q < 3u; q++) {
        end_milli[q] = car->usual_end_pct[1][q] * 1000;
    }
    end_milli[3] = wp_household_pct(state->target_pct) * 1000;
    along_curve(car, each_wh, at, end_milli, share, time_s);
    for (uint32_t q = 0; q < 3u; q++) {
        left->done_s[q] = time_s[q];
        left->target_s[q] = state->target_pct != WP_MISSING ? time_s[3] : -1;
    }
    left->done_wh = between(at, car->usual_end_pct[1][1], each_wh);
}

static void left_by_soc(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                        const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    const int32_t at = soc_milli(state, car, x), power_w = power_of(model, car, x), each_wh = each_of(state, car, x);
    left->stage = WP_STAGE_SOC;
    for (uint32_t q = 0; q < 3u; q++) {
        const int32_t end = car->usual_end_pct[0][q];
        const int32_t done_wh = between(at, end, each_wh);
        left->done_s[q] = through_taper(car, done_wh, power_w, end >= 100);
        left->done_wh = q == 1u ? done_wh : left->done_wh;
        if (state->target_pct != WP_MISSING) {
            const int32_t to_go_wh = between(at, wp_household_pct(state->target_pct), each_wh);
            left->target_s[q] = through_taper(car, to_go_wh, power_w, state->target_pct >= 100);
        }
    }
}

/* By what this car usually takes, given what it has taken. */
static void left_by_energy(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                           const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    const int32_t taken_wh = wp_household_within(wp_household_known(x, WP_VEHICLE_ENERGY_WH, 0), 0, MOST_WH);
    const int32_t part = part_of(car, taken_wh), power_w = power_of(model, car, x);
    const uint8_t end = car->usual_end_pct[0][1];
    const int32_t each_wh = car->energy_per_soc_wh[0];
    left->chance = part >= PART_MOST ? 1u : (uint16_t)(PART_MOST - part);
    left->stage = state->direct ? WP_STAGE_DC_BLIND : (uint8_t)(WP_STAGE_ENERGY_0 + (part >= PART_MOST ? 3 : part / 4096));
    for (uint32_t q = 0; q < 3u; q++) {
        const int32_t least_wh = car->energy_wh[WP_HOUSEHOLD_N_ENERGY - 1] / 32 * level_permille[q] / 1000;
        const int32_t whole_wh = energy_at(car, part + (PART_MOST - part) * level_permille[q] / 1000);
        const int32_t done_wh = whole_wh - taken_wh > least_wh ? whole_wh - taken_wh : least_wh;
        left->done_s[q] = through_taper(car, done_wh, power_w, end >= 100u);
        left->done_wh = q == 1u ? done_wh : left->done_wh;
        if (state->target_pct == WP_MISSING || state->target_pct >= end) {
            left->target_s[q] = state->target_pct == WP_MISSING ? -1 : left->done_s[q];
        } else if (each_wh > 0) {
            const int32_t above_wh = (end - wp_household_pct(state->target_pct)) * each_wh;
            left->target_s[q] = seconds(whole_wh - above_wh - taken_wh, power_w);
        }
    }
}

/* Down the staircase: what was left when a step of this height began, less the time since. */
static bool left_in_taper(const wp_household *state, const wp_household_car *car,
                          const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    if (!wp_household_tapering(state, x)) {
        return false;
    }
    const int32_t dwell_s = wp_household_within(wp_household_known(x, WP_VEHICLE_PLATEAU_DWELL_S, 0), 0, UINT16_MAX);
    const int32_t level = wp_household_known(x, WP_VEHICLE_CURRENT_MA, 0) * WP_HOUSEHOLD_N_LEVELS / car->ceiling_ma;
    const uint16_t begun_s = car->level_s[wp_household_within(level, 0, WP_HOUSEHOLD_N_LEVELS - 1)];
    if (begun_s == WP_HOUSEHOLD_NOT_KNOWN_S) {
        return false;
    }
    const int32_t rest_s = begun_s - dwell_s < begun_s / 8 ? begun_s / 8 : begun_s - dwell_s;
    left->stage = WP_STAGE_TAPER;
    for (uint32_t q = 0; q < 3u; q++) {
        left->done_s[q] = rest_s;
    }
    left->done_wh = rest_s * (wp_household_within(wp_household_known(x, WP_VEHICLE_POWER_W, 0), 0, 30000) / 4) / 900;
    return true;
}

/* Interval factors, an energy that was asked for, the order of the three, and no target after the end. */
static void finish(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                   const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    const int32_t taken_wh = wp_household_within(wp_household_known(x, WP_VEHICLE_ENERGY_WH, 0), 0, MOST_WH);
    for (uint32_t q = 0; q < 3u; q++) {
        left->done_s[q] = scaled(left->done_s[q], model->done_q10[left->stage][q], model->done_plus_s[left->stage][q]);
        if (state->asked_wh != WP_MISSING) {
            const int32_t power_w =
                state->direct ? wp_household_known(x, WP_VEHICLE_POWER_W, 0) : power_of(model, car, x);
            left->target_s[q] = seconds(wp_household_within(state->asked_wh, 0, WP_FEATURE_MAX) - taken_wh, power_w);
        }
        const int32_t target_s = left->target_s[q]; /* or -1 */
        left->target_s[q] =
            target_s < 0 ? -1
                         : scaled(target_s, model->target_q10[left->stage][q], model->target_plus_s[left->stage][q]);
    }
    for (uint32_t q = 1; q < 3u; q++) {
        left->done_s[q] = left->done_s[q] < left->done_s[q - 1u] ? left->done_s[q - 1u] : left->done_s[q];
        left->target_s[q] = left->target_s[q] < left->target_s[q - 1u] ? left->target_s[q - 1u] : left->target_s[q];
    }
    for (uint32_t q = 0; q < 3u; q++) {
        left->target_s[q] = left->target_s[q] > left->done_s[q] ? left->done_s[q] : left->target_s[q];
    }
}

void wp_household_left_with(const wp_household *state, const wp_household_model *model, const wp_household_car *car,
                            const int32_t x[WP_N_VEHICLE_FEATURES], wp_household_left *left)
{
    const bool by_soc = state->soc_pct != WP_MISSING;
    for (uint32_t q = 0; q < 3u; q++) {
        left->target_s[q] = -1;
    }
    left->done_wh = 0;
    left->chance = PART_MOST;
    if (state->direct && by_soc) {
        left_in_dc(state, model, car, x, left);
    } else if (by_soc) {
        left_by_soc(state, model, car, x, left);
    } else {
        left_by_energy(state, model, car, x, left);
    }
    if (left_in_taper(state, car, x, left) && state->target_pct != WP_MISSING && !by_soc) {
        for (uint32_t q = 0; q < 3u; q++) {
            left->target_s[q] = state->target_pct >= 100 ? left->done_s[q] : 0; /* a taper is above any other target */
        }
    }
    if (wp_household_feature(x, WP_VEHICLE_PLATEAU_MA) == WP_MISSING && left->stage < WP_STAGE_TAPER) {
        left->stage = WP_STAGE_WAITING;
    } else if (state->still_s != WP_MISSING) {
        left->stage = WP_STAGE_PAUSED;
    }
    finish(state, model, car, x, left);
}
