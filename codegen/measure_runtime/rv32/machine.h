/* machine.h of 32-bit RISC-V under QEMU: minstret counts executed instructions exactly with -icount shift=0. */
#ifndef MEASURE_MACHINE_H
#define MEASURE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define MACHINE_ROWS 0x84000000u /* far above the program */

/* Words below a caller's stack pointer that stack_paint leaves alone, because it may live there itself. */
#define MACHINE_OWN_WORDS 8u

static inline void machine_restart(void)
{
}

static inline uint32_t machine_count(void)
{
    uint32_t count;
    __asm__ volatile("csrr %0, minstret" : "=r"(count) : : "memory");
    return count;
}

static inline uint32_t machine_between(uint32_t before, uint32_t after)
{
    return after - before; /* right across a wrap at 2^32 */
}

static inline bool machine_overflowed(void)
{
    return false; /* 2^32 instructions take longer than the caller waits */
}

/* Two instructions a turn. */
static inline void machine_loop(uint32_t turns)
{
    __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(turns));
}

static inline uintptr_t machine_stack_pointer(void)
{
    uintptr_t pointer;
    __asm__ volatile("mv %0, sp" : "=r"(pointer));
    return pointer;
}

/* RISC-V semihosting specification 0.4. */
static inline uint32_t machine_semihosting(uint32_t call, const void *arguments)
{
    register uint32_t a0 __asm__("a0") = call;
    register const void *a1 __asm__("a1") = arguments;
    __asm__ volatile(".option push\n\t"
                     ".option norvc\n\t"
                     ".balign 16\n\t" /* the three must lie in one page */
                     "slli zero, zero, 0x1f\n\t"
                     "ebreak\n\t"
                     "srai zero, zero, 7\n\t"
                     ".option pop"
                     : "+r"(a0)
                     : "r"(a1)
                     : "memory");
    return a0;
}

#endif
