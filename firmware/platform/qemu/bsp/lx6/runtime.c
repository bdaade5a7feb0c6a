/* What clang expects of its platform and finds nowhere for Xtensa: bytes in memory, and 64-bit arithmetic by the names
 * of libgcc (GCC internals, 4.1.1). Small rather than fast. */
#include <stdint.h>
#include <string.h>

/* Without this the compiler would turn the loop of memset into a call of memset. */
#define PLAIN __attribute__((no_builtin))

uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __udivdi3(uint64_t numerator, uint64_t divisor);
uint64_t __umoddi3(uint64_t numerator, uint64_t divisor);
int64_t __divdi3(int64_t numerator, int64_t divisor);
int64_t __moddi3(int64_t numerator, int64_t divisor);

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (size_t i = 0; i < n; i++) {
        t[i] = f[i];
    }
    return to;
}

PLAIN void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if ((uintptr_t)t <= (uintptr_t)f) {
        for (size_t i = 0; i < n; i++) {
            t[i] = f[i];
        }
    } else {
        for (size_t i = n; i > 0; i--) {
            t[i - 1] = f[i - 1];
        }
    }
    return to;
}

PLAIN void *memset(void *to, int value, size_t n)
{
    uint8_t *t = to;
    for (size_t i = 0; i < n; i++) {
        t[i] = (uint8_t)value;
    }
    return to;
}

PLAIN int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a;
    const uint8_t *y = b;
    for (size_t i = 0; i < n; i++) {
        if (x[i] != y[i]) {
            return x[i] - y[i];
        }
    }
    return 0;
}

PLAIN size_t strlen(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0') {
        n++;
    }
    return n;
}

PLAIN int strcmp(const char *a, const char *b)
{
    size_t i = 0;
    while (a[i] != '\0' && a[i] == b[i]) {
        i++;
    }
    return (uint8_t)a[i] - (uint8_t)b[i];
}

static uint64_t join(uint32_t high, uint32_t low)
{
    return (uint64_t)high << 32 | low;
}

/* Schoolbook on 16-bit digits: 32 x 32 bits to 64, without the instruction for the upper half, which QEMU's core lacks. */
static uint64_t multiply_words(uint32_t a, uint32_t b)
{
    const uint32_t low = (a & 0xFFFFu) * (b & 0xFFFFu);
    const uint32_t cross = (a >> 16) * (b & 0xFFFFu);
    const uint32_t other = (a & 0xFFFFu) * (b >> 16);
    const uint32_t middle = (low >> 16) + (cross & 0xFFFFu) + (other & 0xFFFFu); /* < 3 x 2^16 */
    const uint32_t high = (a >> 16) * (b >> 16) + (cross >> 16) + (other >> 16) + (middle >> 16);
    return join(high, middle << 16 | (low & 0xFFFFu));
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    const uint32_t a_low = (uint32_t)a;
    const uint32_t b_low = (uint32_t)b;
    const uint32_t upper = (uint32_t)(a >> 32) * b_low + a_low * (uint32_t)(b >> 32);
    return multiply_words(a_low, b_low) + join(upper, 0);
}

/* Leading zeros; 32 for 0. The compiler does not use the instruction. */
static uint32_t leading_zeros(uint32_t value)
{
    uint32_t n;
    __asm__("nsau %0, %1" : "=r"(n) : "r"(value));
    return n;
}

static uint32_t bits_of(uint64_t value)
{
    const uint32_t high = (uint32_t)(value >> 32);
    return high != 0 ? 64u - leading_zeros(high) : 32u - leading_zeros((uint32_t)value);
}

/* Long division, a bit a turn, from the first that can be 1. A divisor of 0 answers all ones: any answer will do. */
static uint64_t divide(uint64_t numerator, uint64_t divisor, uint64_t *remainder)
{
    if ((numerator >> 32 | divisor >> 32) == 0 && divisor != 0) {
        *remainder = (uint32_t)numerator % (uint32_t)divisor;
        return (uint32_t)numerator / (uint32_t)divisor;
    }
    const uint32_t longer = bits_of(numerator);
    const uint32_t shorter = bits_of(divisor);
    uint64_t quotient = 0;
    for (uint32_t turns = longer < shorter || divisor == 0 ? 0 : longer - shorter + 1; turns > 0; turns--) { /* <= 64 */
        const uint64_t shifted = divisor << (turns - 1);
        quotient <<= 1;
        if (numerator >= shifted) {
            numerator -= shifted;
            quotient |= 1;
        }
    }
    *remainder = numerator;
    return divisor == 0 ? UINT64_MAX : quotient;
}

uint64_t __udivdi3(uint64_t numerator, uint64_t divisor)
{
    uint64_t remainder;
    return divide(numerator, divisor, &remainder);
}

uint64_t __umoddi3(uint64_t numerator, uint64_t divisor)
{
    uint64_t remainder;
    (void)divide(numerator, divisor, &remainder);
    return remainder;
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value;
}

int64_t __divdi3(int64_t numerator, int64_t divisor)
{
    const uint64_t quotient = __udivdi3(magnitude(numerator), magnitude(divisor));
    return (int64_t)((numerator < 0) != (divisor < 0) ? (uint64_t)0 - quotient : quotient);
}

int64_t __moddi3(int64_t numerator, int64_t divisor)
{
    const uint64_t remainder = __umoddi3(magnitude(numerator), magnitude(divisor));
    return (int64_t)(numerator < 0 ? (uint64_t)0 - remainder : remainder);
}
