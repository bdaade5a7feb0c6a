#include "runtime.h"

#define UART_DATA (*(volatile uint8_t *)0x10000000u)
#define UART_STATUS (*(volatile uint8_t *)0x10000005u)
#define UART_FREE 0x20u

#define LOOPS 1000u
#define PATTERN 0x5aa55aa5u
#define PAINTED_WORDS 4096u /* 16 KB: far more than any model here may use */
#define OWN_WORDS 8u        /* left unpainted for stack_paint itself */

static volatile uint32_t *painted;

uint32_t measure_overhead(void)
{
    uint32_t loops = LOOPS;
    const uint32_t before = instructions_now();
    __asm__ volatile("1: addi %0, %0, -1\n\tbnez %0, 1b" : "+r"(loops));
    const uint32_t counted = instructions_now() - before;
    const uint32_t expected = 2u * LOOPS;
    return counted >= expected && counted - expected < 8u ? counted - expected : UINT32_MAX;
}

void stack_paint(uint32_t top)
{
    painted = (volatile uint32_t *)(uintptr_t)top - OWN_WORDS - PAINTED_WORDS;
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
    return untouched == PAINTED_WORDS ? 0u : (PAINTED_WORDS + OWN_WORDS - untouched) * 4u;
}

static void put(char character)
{
    while ((UART_STATUS & UART_FREE) == 0u) {
    }
    UART_DATA = (uint8_t)character;
}

void report(const char *name, uint64_t value)
{
    char digits[20]; /* 2^64 has 20 digits */
    uint32_t n = 0;
    while (*name != '\0') {
        put(*name++);
    }
    put(' ');
    do {
        digits[n++] = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0u && n < sizeof digits);
    while (n > 0u) {
        put(digits[--n]);
    }
    put('\n');
}
