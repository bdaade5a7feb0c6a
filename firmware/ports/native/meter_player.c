#include "meter_player.h"

#if WP_PROFILE_EV

#include <string.h>

#include "wp/profile.h"

#define IDLE_US 60000000u
#define US_PER_MS 1000u
#define STEP_MIN_MS 1000 /* the last row stands for as long as that before it, or this */
#define MAINS_MV 230000
#define POWER_FACTOR 995 /* of a charger at power, where the recording does not tell */
#define UWS_PER_WH 3600000000ll
#define METER_WH 1234567 /* the meter is not new */

enum {
    T_MS,
    VOLTAGE_MV,
    CURRENT_MA,
    VOLTAGE_L1,
    CURRENT_L1 = VOLTAGE_L1 + WP_N_PHASES,
    PILOT_DA = CURRENT_L1 + WP_N_PHASES,
    ENERGY_WH,
    SOC_PCT,
    POWER_FACTOR_PERMILLE,
    N_COLUMNS
};
_Static_assert(N_COLUMNS <= RECORDING_COLUMNS_MAX, "a recording holds the columns of a charge point");

#define VOLTS 0, WP_VOLTAGE_MAX_MV, true
#define AMPERES -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA, true
static const recording_column columns[N_COLUMNS] = {[T_MS] = {"t_ms", 0, UINT32_MAX, false},
                                                    [VOLTAGE_MV] = {"voltage_mv", VOLTS},
                                                    [CURRENT_MA] = {"current_ma", AMPERES},
                                                    [VOLTAGE_L1] = {"voltage_mv_l1", VOLTS},
                                                    [VOLTAGE_L1 + 1] = {"voltage_mv_l2", VOLTS},
                                                    [VOLTAGE_L1 + 2] = {"voltage_mv_l3", VOLTS},
                                                    [CURRENT_L1] = {"current_ma_l1", AMPERES},
                                                    [CURRENT_L1 + 1] = {"current_ma_l2", AMPERES},
                                                    [CURRENT_L1 + 2] = {"current_ma_l3", AMPERES},
                                                    [PILOT_DA] = {"pilot_da", -1, 10000, true},
                                                    [ENERGY_WH] = {"energy_wh", 0, INT32_MAX - METER_WH, true},
                                                    [SOC_PCT] = {"soc_pct", -1, 100, true},
                                                    [POWER_FACTOR_PERMILLE] = {"power_factor_permille", -1000, 1000, true}};

/* Where an SDM630's values stand among its registers, each of three phases: V, A, W, var, power factor; and kWh. */
enum { METER_V = 0, METER_A = 3, METER_W = 6, METER_VAR = 12, METER_FACTOR = 15, METER_HZ = 35, METER_KWH = 36 };

static const struct {
    const char *name;
    uint32_t fault; /* 0: a value that cannot be */
} fault_kinds[] = {{"no-answer@", METER_FAULT_ABSENT},
                   {"damaged@", METER_FAULT_FLIPPED},
                   {"refused@", METER_FAULT_REFUSES},
                   {"frozen@", METER_FAULT_FROZEN},
                   {"range@", 0}};
enum { N_FAULT_KINDS = sizeof fault_kinds / sizeof fault_kinds[0] };

static bool open_one(native_recording *recording, const char *name)
{
    if (!recording_open(recording, name, columns, N_COLUMNS)) {
        return false;
    }
    const bool phased = recording_has(recording, VOLTAGE_L1) && recording_has(recording, CURRENT_L1);
    if (!phased && !(recording_has(recording, VOLTAGE_MV) && recording_has(recording, CURRENT_MA))) {
        (void)fprintf(stderr, "%s:1: neither voltage_mv and current_ma nor those of phases (docs/dataset.md)\n", name);
        recording_close(recording);
        return false;
    }
    return true;
}

/* Nothing told yet. */
static void clear(long long values[RECORDING_COLUMNS_MAX])
{
    memset(values, 0, sizeof(long long) * RECORDING_COLUMNS_MAX);
    values[PILOT_DA] = -1;
    values[ENERGY_WH] = -1;
    values[SOC_PCT] = -1;
    values[POWER_FACTOR_PERMILLE] = POWER_FACTOR;
}

static void read_next(native_meter_player *player)
{
    memcpy(player->next, player->now, sizeof player->next);
    player->has_next = recording_read_row(&player->recording, player->next) == ROW_READ;
}

/* Opens names[0] and reads its first two rows. */
static bool begin_recording(native_meter_player *player)
{
    clear(player->now);
    if (!open_one(&player->recording, player->names[0])) {
        return false;
    }
    if (recording_read_row(&player->recording, player->now) != ROW_READ) {
        recording_close(&player->recording);
        return false;
    }
    player->first_ms = player->now[T_MS];
    player->tells = recording_has(&player->recording, PILOT_DA);
    player->base_wh = player->meter_uws / UWS_PER_WH;
    read_next(player);
    return true;
}

bool meter_player_open(native_meter_player *player, char *names[], size_t n_names)
{
    for (size_t k = 0; k < n_names; k++) {
        native_recording recording;
        if (!open_one(&recording, names[k])) {
            return false;
        }
        const bool good = recording_check_rows(&recording);
        recording_close(&recording);
        if (!good) {
            return false;
        }
    }
    player->names = names;
    player->n_names = n_names;
    player->begin_us = IDLE_US;
    player->meter_uws = METER_WH * UWS_PER_WH;
    meter_simulator_init(&player->meter, 1);
    return begin_recording(player);
}

bool meter_player_add_fault(native_meter_player *player, const char *text)
{
    for (size_t kind = 0; kind < N_FAULT_KINDS; kind++) {
        const size_t n = strlen(fault_kinds[kind].name);
        if (strncmp(text, fault_kinds[kind].name, n) == 0 && player->n_faults < PLAYER_FAULTS_MAX) {
            player_fault *fault = &player->faults[player->n_faults];
            player->n_faults++;
            fault->kind = (uint8_t)kind;
            return player_read_span(text + n, 60, fault);
        }
    }
    return false;
}

static void end_recording(native_meter_player *player, uint64_t length_ms)
{
    player->begin_us += length_ms * US_PER_MS + IDLE_US;
    player->names++;
    player->n_names--;
    recording_close(&player->recording);
    if (player->n_names > 0 && !begin_recording(player)) { /* it has gone since it was checked: the play is over */
        player->n_names = 0;
    }
}

static bool is_charging(const native_meter_player *player, uint64_t now_us)
{
    return player->recording.file != NULL && now_us >= player->begin_us;
}

/* Moves on to the row in force, or behind the last one to the next recording. */
static void find_row(native_meter_player *player, uint64_t now_us)
{
    const uint64_t since_ms = (now_us - player->begin_us) / US_PER_MS;
    const long long t_ms = player->first_ms + (long long)since_ms;
    long long step_ms = STEP_MIN_MS;
    player->begun_us = player->begin_us;
    while (player->has_next && t_ms >= player->next[T_MS]) { /* one turn a row */
        step_ms = player->next[T_MS] - player->now[T_MS];
        memcpy(player->now, player->next, sizeof player->now);
        read_next(player);
    }
    if (!player->has_next && t_ms >= player->now[T_MS] + step_ms) {
        end_recording(player, since_ms);
    }
}

static void measure_phase(native_meter_player *player, uint32_t k, long long voltage_mv, long long current_ma,
                          long long factor)
{
    meter_simulator *meter = &player->meter;
    const long long flowing_ma = current_ma < 0 ? -current_ma : current_ma;
    meter_simulator_set(meter, METER_V + k, voltage_mv);
    meter_simulator_set(meter, METER_A + k, flowing_ma);
    meter_simulator_set(meter, METER_W + k, voltage_mv * current_ma / 1000 * factor / 1000);
    meter_simulator_set(meter, METER_VAR + k, player->n_looks % 97u);
    meter_simulator_set(meter, METER_FACTOR + k, current_ma < 0 ? -factor : factor);
}

/* What flows now on each phase; in a recording without phases on the first. */
static long long flow(native_meter_player *player, bool charging)
{
    const long long *now = player->now;
    const bool phased = charging && recording_has(&player->recording, VOLTAGE_L1);
    long long power_uw = 0;
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        const long long volts = phased ? now[VOLTAGE_L1 + k] : charging && k == 0 ? now[VOLTAGE_MV] : charging ? 0 : MAINS_MV;
        const long long amperes = phased ? now[CURRENT_L1 + k] : charging && k == 0 ? now[CURRENT_MA] : 0;
        const long long factor = now[POWER_FACTOR_PERMILLE];
        measure_phase(player, k, volts, amperes, factor);
        power_uw += volts * amperes / 1000 * factor;
    }
    return power_uw;
}

static uint32_t fault_at(const native_meter_player *player, uint64_t now_us, bool *range)
{
    const uint64_t since_s = (now_us - player->begun_us) / 1000000u;
    uint32_t faults = 0;
    for (size_t k = 0; k < player->n_faults; k++) {
        const player_fault *fault = &player->faults[k];
        if (player->begun_us != 0 && since_s >= fault->begin_s && since_s < fault->end_s) {
            faults |= fault_kinds[fault->kind].fault;
            *range = *range || fault_kinds[fault->kind].fault == 0;
        }
    }
    return faults;
}

void meter_player_advance(native_meter_player *player, uint64_t now_us)
{
    bool range = false;
    player->meter.now_us = (uint32_t)now_us;
    if (is_charging(player, now_us)) {
        find_row(player, now_us);
    }
    const bool charging = is_charging(player, now_us);
    const long long power_uw = flow(player, charging);
    player->meter_uws += power_uw * (long long)(now_us - player->meter_us) / 1000000;
    player->meter_us = now_us;
    player->n_looks++;
    if (charging && player->now[ENERGY_WH] >= 0) { /* the recording's own */
        player->meter_uws = (player->base_wh + player->now[ENERGY_WH]) * UWS_PER_WH;
    }
    meter_simulator_set(&player->meter, METER_KWH, player->meter_uws / UWS_PER_WH);
    meter_simulator_set(&player->meter, METER_HZ, 50000);
    player->meter.faults = fault_at(player, now_us, &range) | (player->deaf ? METER_FAULT_ABSENT : 0u);
    if (range) {
        meter_simulator_set(&player->meter, METER_V, (long long)WP_VOLTAGE_MAX_MV + 1000);
    }
}

/* A recording that tells the pilot is of a charge point that knows whether a vehicle is there. */
port_vehicle meter_player_vehicle(const native_meter_player *player)
{
    const bool charging = is_charging(player, player->meter_us);
    port_vehicle vehicle = PORT_VEHICLE_NOT_KNOWN;
    if (player->tells) {
        vehicle.there = charging ? 1 : 0;
    }
    if (charging) {
        vehicle.pilot_da = (int32_t)player->now[PILOT_DA];
        vehicle.soc_pct = (int32_t)player->now[SOC_PCT];
    }
    return vehicle;
}

bool meter_player_is_done(const native_meter_player *player, uint64_t now_us)
{
    /* Where nobody tells that the vehicle has left, the board finds out by itself. */
    const uint64_t idle_us = player->tells ? 0 : (uint64_t)WP_VEHICLE_QUIET_MS * US_PER_MS;
    return player->recording.file == NULL && now_us >= player->begin_us + idle_us;
}

#endif
