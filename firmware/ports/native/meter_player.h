/* meter_player.h: the native board's meter at a charge point: a simulated SDM630 on a simulated line that measures what
 * recordings of vehicles say, and a charge point that tells their pilot.
 *
 * On the board's clock: 60 s of nothing, a charge, 60 s of nothing, the next, and nothing after the last. What is measured
 * is the recording's latest row; where it has phases' columns, those, else one phase, or DC.
 */
#ifndef NATIVE_METER_PLAYER_H
#define NATIVE_METER_PLAYER_H

#include "player.h"
#include "port_meter.h"
#include "recording.h"
#if WP_PROFILE_EV
#include "meter_simulator.h"

typedef struct native_meter_player {
    char **names; /* [n_names] of files to play, the one that plays included */
    size_t n_names;
    native_recording recording; /* closed: nothing more to play */
    long long now[RECORDING_COLUMNS_MAX];  /* the row in force */
    long long next[RECORDING_COLUMNS_MAX]; /* the row behind it */
    bool has_next;
    long long first_ms; /* t_ms of the first row */
    uint64_t begin_us;  /* when the first row is measured; behind the last file, when all is over */
    uint64_t begun_us;  /* of the charge that faults count from; 0 before the first */
    uint64_t meter_us;  /* the meter's register is up to that time */
    int64_t meter_uws;  /* what it holds, in uW s: the integral of power, where the recording has no meter */
    int64_t base_wh;    /* what it held when the charge began */
    player_fault faults[PLAYER_FAULTS_MAX];
    size_t n_faults;
    bool tells; /* its charge point knows whether a vehicle is there */
    bool deaf; /* another baud rate is spoken */
    uint32_t n_looks; /* its least bits never rest */
    meter_simulator meter;
} native_meter_player;

/* Checks all files and opens the first. False when something is wrong with one; stderr says what.
 *
 *   names  [n_names], must outlive the player */
bool meter_player_open(native_meter_player *player, char *names[], size_t n_names);

/* Adds a fault from KIND@SECONDS or KIND@SECONDS+SECONDS: no-answer, damaged, refused, range, frozen. False for others. */
bool meter_player_add_fault(native_meter_player *player, const char *text);

/* Brings the meter up to that time of the board's clock, which must not run backwards. */
void meter_player_advance(native_meter_player *player, uint64_t now_us);

/* What the charge point knows at that time. */
port_vehicle meter_player_vehicle(const native_meter_player *player);

/* The meter that plays, at that time of the board's clock; NULL: none. Of the port (port.c), for its line. */
native_meter_player *port_played_meter(uint64_t *now_us);

/* Whether there is nothing more to play at that time, the time behind the last charge included. */
bool meter_player_is_done(const native_meter_player *player, uint64_t now_us);

#endif

#endif
