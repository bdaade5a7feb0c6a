/* machine.h of a Cortex-M4 under QEMU (mps2-an386). There is no counter of instructions; SysTick runs at 25 MHz of the
 * emulated time, of which an instruction takes 128 ns with -icount shift=7: 3.2 ticks, so that rounding tells any two
 * counts apart. Armv7-M Architecture Reference Manual, B3.3. */
#ifndef MEASURE_MACHINE_H
#define MEASURE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#define SYSTICK ((volatile uint32_t *)0xE000E010u)
enum { SYSTICK_CONTROL = 0, SYSTICK_RELOAD = 1, SYSTICK_VALUE = 2 };
#define SYSTICK_ON 0x5u /* of the processor's clock, without an interrupt */
#define SYSTICK_WRAPPED (1u << 16)
#define SYSTICK_MAX 0xFFFFFFu

#define MACHINE_ROWS 0x21000000u /* the board's PSRAM */

/* Words below a caller's stack pointer that stack_paint leaves alone, because it may live there itself. */
#define MACHINE_OWN_WORDS 8u

/* The counter has 24 bits: it begins anew before each call, and reaches 5.2 million instructions. */
static inline void machine_restart(void)
{
    SYSTICK[SYSTICK_RELOAD] = SYSTICK_MAX;
    SYSTICK[SYSTICK_VALUE] = 0; /* any value: it goes to 0, is reloaded at the next tick, and forgets that it wrapped */
    SYSTICK[SYSTICK_CONTROL] = SYSTICK_ON;
    __asm__ volatile("nop\n\tnop\n\tnop\n\tnop" : : : "memory");
    (void)SYSTICK[SYSTICK_CONTROL];
}

static inline uint32_t machine_count(void)
{
    uint32_t ticks;
    __asm__ volatile("ldr %0, [%1]" : "=r"(ticks) : "r"(SYSTICK + SYSTICK_VALUE) : "memory");
    return ticks;
}

static inline uint32_t machine_between(uint32_t before, uint32_t after)
{
    return ((before - after) * 5u + 8u) / 16u; /* it counts down */
}

static inline bool machine_overflowed(void)
{
    return (SYSTICK[SYSTICK_CONTROL] & SYSTICK_WRAPPED) != 0u;
}

/* Two instructions a turn. */
static inline void machine_loop(uint32_t turns)
{
    __asm__ volatile("1: subs %0, %0, #1\n\tbne 1b" : "+r"(turns) : : "cc");
}

static inline uintptr_t machine_stack_pointer(void)
{
    uintptr_t pointer;
    __asm__ volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
}

static inline uint32_t machine_semihosting(uint32_t call, const void *arguments)
{
    register uint32_t r0 __asm__("r0") = call;
    register const void *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

#endif
