/* counter.h: executed instructions and touched stack, on machines that can tell (machine.h of each). */
#ifndef MEASURE_COUNTER_H
#define MEASURE_COUNTER_H

#include <stdint.h>

#include "machine.h"

#define NOT_COUNTED UINT32_MAX

/* Instructions the counter adds to what lies between two readings, found on counted loops. NOT_COUNTED if any of these
 * loops is off by one instruction or more. */
uint32_t counter_overhead(void);

/* Fills the stack below `top`, the caller's stack pointer, with a pattern; tells how many bytes below it have been
 * overwritten since, UINT32_MAX if that may be more than were painted. */
void stack_paint(uintptr_t top);
uint32_t stack_used(void);

#endif
