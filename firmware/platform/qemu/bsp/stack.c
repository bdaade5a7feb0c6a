#include "stack.h"

#include <stddef.h>

extern uint32_t stack_top[] __asm__("__stack_top"); /* from the linker script */

#define PAINTED_WORDS 2048u
#define UNPAINTED_WORDS 64u /* in use while painting */
#define PAINT 0x57A7C0DEu

static volatile uint32_t *painted_end(void)
{
    return (volatile uint32_t *)((uintptr_t)stack_top - 4u * PAINTED_WORDS);
}

void stack_paint(void)
{
    volatile uint32_t *word = painted_end();
    for (size_t i = 0; i < PAINTED_WORDS - UNPAINTED_WORDS; i++) {
        word[i] = PAINT;
    }
}

uint32_t stack_deepest(void)
{
    const volatile uint32_t *word = painted_end();
    size_t untouched = 0;
    while (untouched < PAINTED_WORDS && word[untouched] == PAINT) {
        untouched++;
    }
    return untouched == 0 ? UINT32_MAX : (uint32_t)(4u * (PAINTED_WORDS - untouched));
}
