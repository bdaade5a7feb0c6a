#include "player.h"

#include <stdlib.h>
#include <string.h>

#define IDLE_US 5000000u
#define US_PER_MS 1000u
#define PERIOD_MS 1000u    /* the last sample of a recording stands for that long */
#define NEAR_MAX_MS 30000u /* a hole of more than a minute in a recording is a sensor that does not answer */
#define FAULT_S 5u         /* how long a fault lasts when nothing is said; a frozen one takes a minute to be seen */
#define FROZEN_S 90u
#define SECONDS_MAX 1000000

static const struct {
    const char *name;
    wp_sensor_status kind;
    uint32_t for_s;
} fault_kinds[] = {{"no-answer@", WP_SENSOR_NO_ANSWER, FAULT_S},
                   {"saturated@", WP_SENSOR_SATURATED, FAULT_S},
                   {"frozen@", WP_SENSOR_FROZEN, FROZEN_S},
                   {"range@", WP_SENSOR_OUT_OF_RANGE, FAULT_S}};
enum { N_FAULT_KINDS = sizeof fault_kinds / sizeof fault_kinds[0] };

/* Opens names[0] and reads its first two rows. */
static bool begin_recording(native_player *player)
{
    if (!recording_open_samples(&player->recording, player->names[0])) {
        return false;
    }
    if (recording_read(&player->recording, &player->now) != ROW_READ) {
        recording_close(&player->recording);
        return false;
    }
    player->first_ms = player->now.t_ms;
    player->has_next = recording_read(&player->recording, &player->next) == ROW_READ;
    return true;
}

bool player_open(native_player *player, char *names[], size_t n_names)
{
    for (size_t k = 0; k < n_names; k++) {
        if (!recording_check(names[k])) {
            return false;
        }
    }
    player->names = names;
    player->n_names = n_names;
    player->begin_us = IDLE_US;
    player->random = 1;
    return begin_recording(player);
}

/* Reads a whole number of seconds and moves *text behind it. */
static bool read_seconds(const char **text, uint32_t *seconds)
{
    char *end = NULL;
    const bool is_digit = **text >= '0' && **text <= '9';
    const long value = strtol(*text, &end, 10);
    *text = end;
    *seconds = value <= SECONDS_MAX ? (uint32_t)value : 0;
    return is_digit && value <= SECONDS_MAX;
}

bool player_read_span(const char *text, uint32_t for_s, player_fault *fault)
{
    const char *rest = text;
    if (!read_seconds(&rest, &fault->begin_s)) {
        return false;
    }
    if (*rest == '+') {
        rest++;
        if (!read_seconds(&rest, &for_s)) {
            return false;
        }
    }
    fault->end_s = fault->begin_s + for_s;
    return *rest == '\0';
}

bool player_add_fault(native_player *player, const char *text)
{
    size_t kind = 0;
    player_fault fault = {.begin_s = 0};
    while (kind < N_FAULT_KINDS && strncmp(text, fault_kinds[kind].name, strlen(fault_kinds[kind].name)) != 0) {
        kind++;
    }
    if (kind == N_FAULT_KINDS || player->n_faults == PLAYER_FAULTS_MAX) {
        return false;
    }
    fault.kind = (uint8_t)fault_kinds[kind].kind;
    const char *rest = text + strlen(fault_kinds[kind].name);
    if (!player_read_span(rest, fault_kinds[kind].for_s, &fault)) {
        return false;
    }
    player->faults[player->n_faults] = fault;
    player->n_faults++;
    return true;
}

/* -limit..limit, evenly: Numerical Recipes' generator. */
static int32_t noise(native_player *player, int32_t limit)
{
    player->random = player->random * 1664525u + 1013904223u;
    return (int32_t)(player->random >> 16) % (2 * limit + 1) - limit;
}

/* An output that is switched off, by a sensor with an offset and noise. */
static void measure_nothing(native_player *player, wp_reading *reading)
{
    reading->voltage_mv = 12 + noise(player, 8);
    reading->current_ma = 1 + noise(player, 3);
}

/* Ends a recording: the next begins IDLE_US later. */
static void end_recording(native_player *player)
{
    const uint64_t length_ms = (uint64_t)(player->now.t_ms - player->first_ms) + PERIOD_MS;
    player->begin_us += length_ms * US_PER_MS + IDLE_US;
    player->names++;
    player->n_names--;
    recording_close(&player->recording);
    if (player->n_names > 0 && !begin_recording(player)) { /* it has gone since it was checked: the play is over */
        player->n_names = 0;
    }
}

/* Moves on to the row nearest to a time since the first one. False in a hole of the recording. */
static bool find_row(native_player *player, uint64_t since_ms)
{
    const uint64_t t_ms = player->first_ms + since_ms;
    while (player->has_next && 2 * t_ms >= (uint64_t)player->now.t_ms + player->next.t_ms) { /* one turn a row */
        player->now = player->next;
        player->has_next = recording_read(&player->recording, &player->next) == ROW_READ;
    }
    const uint64_t nearest_ms = player->now.t_ms;
    return (nearest_ms > t_ms ? nearest_ms - t_ms : t_ms - nearest_ms) <= NEAR_MAX_MS;
}

static void measure_charge(native_player *player, uint64_t since_ms, wp_reading *reading)
{
    const bool found = find_row(player, since_ms);
    if (!player->has_next && since_ms >= (uint64_t)(player->now.t_ms - player->first_ms) + PERIOD_MS) {
        end_recording(player);
        measure_nothing(player, reading);
        return;
    }
    reading->status = found ? WP_SENSOR_OK : WP_SENSOR_NO_ANSWER;
    reading->voltage_mv = player->now.voltage_mv;
    reading->current_ma = player->now.current_ma;
}

wp_sensor_status player_fault_at(const native_player *player, uint64_t now_us)
{
    const uint64_t since_s = (now_us - player->fault_us) / 1000000u;
    wp_sensor_status kind = WP_SENSOR_OK;
    for (size_t k = 0; k < player->n_faults; k++) {
        const player_fault *fault = &player->faults[k];
        if (player->fault_us != 0 && since_s >= fault->begin_s && since_s < fault->end_s) {
            kind = (wp_sensor_status)fault->kind; /* of several the last one named */
        }
    }
    return kind;
}

static void apply_fault(const native_player *player, wp_sensor_status kind, wp_reading *reading)
{
    if (kind == WP_SENSOR_FROZEN) {
        *reading = player->before;
    } else if (kind == WP_SENSOR_OUT_OF_RANGE) {
        reading->voltage_mv = WP_VOLTAGE_MAX_MV + 1;
    } else if (kind != WP_SENSOR_OK) {
        reading->status = kind;
    }
}

void player_measure(native_player *player, uint64_t now_us, wp_reading *reading)
{
    *reading = (wp_reading){.status = WP_SENSOR_OK};
    if (player->recording.file == NULL || now_us < player->begin_us) {
        measure_nothing(player, reading);
    } else {
        player->fault_us = player->begin_us;
        measure_charge(player, (now_us - player->begin_us) / US_PER_MS, reading);
    }
    reading->raw = player->before.raw + 1; /* the least bits of a converter never rest */
    apply_fault(player, player_fault_at(player, now_us), reading);
    player->before = *reading;
}

bool player_is_done(const native_player *player, uint64_t now_us)
{
    return player->recording.file == NULL && now_us >= player->begin_us;
}
