/* runtime.h: what a measuring program needs from a bare RISC-V machine: a counter, a painted stack, a line of text. */
#ifndef MEASURE_RUNTIME_H
#define MEASURE_RUNTIME_H

#include <stdint.h>

/* Executed instructions so far; exact under QEMU's -icount shift=0. Wraps at 2^32. */
static inline uint32_t instructions_now(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count) : : "memory");
    return count;
}

/* Instructions the counter adds to what lies between two readings. 0xffffffff if it does not count instructions. */
uint32_t measure_overhead(void);

static inline uint32_t stack_pointer(void)
{
    uint32_t pointer;
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    return pointer;
}

/* Fills the stack below `top`, the caller's stack pointer, with a pattern; tells how many bytes below it have been
 * overwritten since. */
void stack_paint(uint32_t top);
uint32_t stack_used(void);

/* One line `name value` on the serial port. */
void report(const char *name, uint64_t value);

#endif
