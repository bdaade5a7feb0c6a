/* pace.h: the native board's clock: so many times real time, or as fast as the line takes it.
 *
 * It moves while the board waits and stands still while it works, so a simulated charge is measured at the same moments
 * in every run, however busy the machine is. POSIX only.
 */
#ifndef NATIVE_PACE_H
#define NATIVE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_PER_REAL 1000u /* speeds are in thousandths of real time */

typedef struct native_pace {
    uint64_t board_us; /* the board's clock */
    uint64_t real_us;  /* real time that belongs to it */
    uint64_t speed;    /* 0: no real time passes in a wait */
} native_pace;

void pace_begin(native_pace *pace, uint64_t speed);

/* Real time to wait until the board's clock has moved on by wait_us. */
uint64_t pace_real_wait_us(const native_pace *pace, uint64_t wait_us);

/* A wait is over: the clock has moved on by wait_us. */
void pace_waited(native_pace *pace, uint64_t wait_us);

/* A wait of wait_us was interrupted: the clock moves on by the real time that has passed, at most to its end. */
void pace_interrupted(native_pace *pace, uint64_t wait_us);

/* Real time in ns; wraps when it likes. */
uint64_t pace_real_ns(void);

#endif
