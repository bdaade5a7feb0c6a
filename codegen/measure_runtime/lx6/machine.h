/* machine.h of the ESP32's core under QEMU. There is no counter of instructions; CCOUNT runs at 40 MHz of the emulated
 * time, of which an instruction takes 128 ns with -icount shift=7: 5.12 ticks, so that rounding tells any two counts
 * apart. */
#ifndef MEASURE_MACHINE_H
#define MEASURE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* Words below a caller's stack pointer that stack_paint leaves alone, because it may live there itself, and registers
 * of its callers may be spilt there. */
#define MACHINE_OWN_WORDS 16u

static inline void machine_restart(void)
{
}

static inline uint32_t machine_count(void)
{
    uint32_t ticks;
    __asm__ volatile("rsr %0, ccount" : "=r"(ticks) : : "memory");
    return ticks;
}

static inline uint32_t machine_between(uint32_t before, uint32_t after)
{
    return (uint32_t)(((uint64_t)(after - before) * 25u + 64u) / 128u);
}

static inline bool machine_overflowed(void)
{
    return false; /* 2^32 ticks, 839 million instructions, take longer than the caller waits */
}

/* Two instructions a turn. */
static inline void machine_loop(uint32_t turns)
{
    __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(turns));
}

static inline uintptr_t machine_stack_pointer(void)
{
    uintptr_t pointer;
    __asm__ volatile("mov %0, a1" : "=r"(pointer));
    return pointer;
}

#endif
