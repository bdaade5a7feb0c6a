/* player.h: the native board's sensor: it measures what recordings say.
 *
 * On the board's clock: 5 s of nothing, a charge, 5 s of nothing, the next, and nothing after the last. A measurement is
 * the recording's sample nearest in time.
 */
#ifndef NATIVE_PLAYER_H
#define NATIVE_PLAYER_H

#include "recording.h"
#include "wp/port.h"

#define PLAYER_FAULTS_MAX 8

/* A fault of the sensor, in seconds from the first sample of each charge. It may outlast the charge. */
typedef struct player_fault {
    uint8_t kind; /* a sensor's wp_sensor_status; a meter's own numbers */
    uint32_t begin_s;
    uint32_t end_s;
} player_fault;

typedef struct native_player {
    char **names; /* [n_names] of files to play, the one that plays included */
    size_t n_names;
    native_recording recording; /* closed: nothing more to play */
    wp_sample now;              /* the row nearest to the latest measurement */
    wp_sample next;             /* the row behind it */
    bool has_next;
    uint32_t first_ms; /* t_ms of the first row */
    uint64_t begin_us; /* when the first row is measured; behind the last file, when all is over */
    uint64_t fault_us; /* the begin_us that faults count from; 0 before the first charge */
    player_fault faults[PLAYER_FAULTS_MAX];
    size_t n_faults;
    wp_reading before; /* what a frozen sensor shows */
    uint32_t random;   /* noise */
} native_player;

/* Checks all files and opens the first. False when something is wrong with one; stderr says what.
 *
 *   names  [n_names], must outlive the player */
bool player_open(native_player *player, char *names[], size_t n_names);

/* Adds a fault from KIND@SECONDS or KIND@SECONDS+SECONDS, before the play. False for anything else. */
bool player_add_fault(native_player *player, const char *text);

/* Reads the times of a fault from SECONDS or SECONDS+SECONDS. False for anything else.
 *
 *   for_s  how long it lasts where nothing is said */
bool player_read_span(const char *text, uint32_t for_s, player_fault *fault);

/* What the sensor measures at that time of the board's clock, which must not run backwards. */
void player_measure(native_player *player, uint64_t now_us, wp_reading *reading);

/* The fault in force at that time of the board's clock, after a measurement then. WP_SENSOR_OK: none. */
wp_sensor_status player_fault_at(const native_player *player, uint64_t now_us);

/* Whether there is nothing more to play at that time, the 5 s behind the last charge included. */
bool player_is_done(const native_player *player, uint64_t now_us);

#endif
