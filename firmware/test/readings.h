/* readings.h: a sensor's readings, one a second, into wp/live.h, and what comes of each as a letter. */
#ifndef READINGS_H
#define READINGS_H

#include "check.h"
#include "wp/live.h"

extern wp_live live;
extern bool tapered;     /* what wp_live_take is told */
extern wp_sample latest; /* sample that came out */

/* What came of each reading: F fault, W well, U unplug, P plug, then the number of samples; '.' for nothing. */
extern check_text_buffer seen;

/* Nothing plugged in; the clock wraps after two and a half seconds. */
void readings_begin(void);

/* Plugged in, with three samples behind it. */
void readings_begin_plugged(void);

/* Time passes. */
void pass(uint32_t us);

/* A reading of now. */
void take(const wp_reading *reading);

/* A second later a reading whose bits have changed, as they do. */
void reads(int32_t voltage_mv, int32_t current_ma);
void draws_for(uint32_t n, int32_t voltage_mv, int32_t current_ma);

/* A second apart: currents at 5 V; failed readings; readings of which not a bit changes. */
void draws(const int32_t current_ma[], size_t n);
void fails(uint32_t n, wp_sensor_status status);
void stands_still(uint32_t n, int32_t current_ma);
#define DRAWS(...) draws((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

/* Compares and forgets what has been seen; samples and nothing else, n of them. */
void check_seen(const char *what, int line);
void check_samples(uint32_t n, int line);
#define SEEN(what) check_seen((what), __LINE__)
#define SAMPLES(n) check_samples((n), __LINE__)

#endif
