#include "counter.h"

#define LOOPS 1000u
#define SHORT_LOOPS 64u /* lengths 1, 2, 3 ...: each must be told from the next */

#define PATTERN 0x5aa55aa5u
#define PAINTED_WORDS 4096u /* 16 KB: far more than any model here may use */

static volatile uint32_t *painted;

static uint32_t counted(uint32_t loops)
{
    machine_restart();
    const uint32_t before = machine_count();
    machine_loop(loops);
    return machine_between(before, machine_count());
}

uint32_t counter_overhead(void)
{
    const uint32_t overhead = counted(LOOPS) - 2u * LOOPS;
    for (uint32_t loops = 1; loops <= SHORT_LOOPS; loops++) {
        if (counted(loops) != 2u * loops + overhead) {
            return NOT_COUNTED;
        }
    }
    return overhead;
}

void stack_paint(uintptr_t top)
{
    painted = (volatile uint32_t *)top - MACHINE_OWN_WORDS - PAINTED_WORDS;
    for (uint32_t i = 0; i < PAINTED_WORDS; i++) {
        painted[i] = PATTERN;
    }
}

uint32_t stack_used(void)
{
    uint32_t untouched = 0;
    while (untouched < PAINTED_WORDS && painted[untouched] == PATTERN) {
        untouched++;
    }
    if (untouched == 0u) {
        return UINT32_MAX;
    }
    return untouched == PAINTED_WORDS ? 0u : (PAINTED_WORDS + MACHINE_OWN_WORDS - untouched) * 4u;
}
