#define _XOPEN_SOURCE 700 /* clock_gettime; without it -std=c11 hides it */

#include "pace.h"

#include <time.h>

/* A board that is later than this does not catch up: the time in which its line took nothing has not passed for it. */
#define LATE_MAX_US 100000u

uint64_t pace_real_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t real_now_us(void)
{
    return pace_real_ns() / 1000u;
}

void pace_begin(native_pace *pace, uint64_t speed)
{
    pace->real_us = real_now_us();
    pace->speed = speed;
}

/* Real time in which the board's clock moves on by wait_us. */
static uint64_t real_span_us(const native_pace *pace, uint64_t wait_us)
{
    return pace->speed == 0 ? 0 : wait_us * PACE_PER_REAL / pace->speed;
}

uint64_t pace_real_wait_us(const native_pace *pace, uint64_t wait_us)
{
    const uint64_t end_us = pace->real_us + real_span_us(pace, wait_us);
    const uint64_t now_us = real_now_us();
    return end_us > now_us ? end_us - now_us : 0;
}

void pace_waited(native_pace *pace, uint64_t wait_us)
{
    const uint64_t now_us = real_now_us();
    pace->board_us += wait_us;
    pace->real_us += real_span_us(pace, wait_us);
    if (pace->speed == 0 || pace->real_us + LATE_MAX_US < now_us) {
        pace->real_us = now_us;
    }
}

void pace_interrupted(native_pace *pace, uint64_t wait_us)
{
    const uint64_t now_us = real_now_us();
    const uint64_t passed_us = (now_us - pace->real_us) * pace->speed / PACE_PER_REAL;
    if (passed_us >= wait_us) {
        pace_waited(pace, wait_us);
    } else {
        pace->board_us += passed_us;
        pace->real_us += real_span_us(pace, passed_us);
    }
}
