/* wp_forest_float.h against the processor's own additions, bit for bit. Prints what differs; the exit code tells.
 *
 *   float_sums pairs    all pairs of 1 200 hard numbers
 *   float_sums random   50 million pairs whose exponents lie near each other
 *   float_sums sums     running sums, so that mantissas of 2**24 and infinities are carried on
 *   float_sums packing  numbers to parts and back, one in 251 of all */
#include <stdio.h>
#include <string.h>

#include "wp_forest_float.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t random_bits(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 16);
}

static int is_finite(uint32_t bits)
{
    return (bits & 0x7f800000u) != 0x7f800000u;
}

static int differs(uint32_t a, uint32_t b)
{
    const volatile float sum = float_of(a) + float_of(b);
    const wp_forest_float added = wp_forest_float_add(wp_forest_float_unpack(a), wp_forest_float_unpack(b));
    if (wp_forest_float_pack(added) == bits_of(sum)) {
        return 0;
    }
    printf("%08x + %08x: %08x, not %08x\n", (unsigned)a, (unsigned)b, (unsigned)bits_of(sum),
        (unsigned)wp_forest_float_pack(added));
    return 1;
}

static int pairs(void)
{
    static uint32_t hard[2048];
    uint32_t n = 0;
    const uint32_t fractions[] = {0, 1, 2, 3, 0x3fffff, 0x400000, 0x400001, 0x555555, 0x7ffffe, 0x7fffff};
    const uint32_t exponents[] = {0, 1, 2, 3, 23, 24, 25, 26, 27, 30, 31, 32, 33, 100, 101, 102, 103, 104, 105, 106, 107,
        108, 124, 125, 126, 127, 128, 148, 149, 150, 151, 152, 153, 154, 180, 181, 182, 183, 184, 206, 207, 222, 223, 224,
        225, 226, 227, 228, 229, 230, 231, 232, 250, 251, 252, 253, 254};
    for (uint32_t e = 0; e < sizeof exponents / sizeof exponents[0]; e++) {
        for (uint32_t f = 0; f < sizeof fractions / sizeof fractions[0]; f++) {
            hard[n++] = exponents[e] << 23 | fractions[f];
            hard[n++] = 0x80000000u | exponents[e] << 23 | fractions[f];
        }
    }
    int wrong = 0;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n && wrong < 10; j++) {
            wrong += differs(hard[i], hard[j]);
        }
    }
    return wrong;
}

static int randoms(void)
{
    int wrong = 0;
    for (uint32_t i = 0; i < 50000000u && wrong < 10; i++) {
        const uint32_t a = random_bits();
        uint32_t b = random_bits();
        const uint32_t exponent = (a >> 23 & 0xffu) + (random_bits() & 63u) - 32u;
        if ((i & 7u) != 0u) { /* seven of eight pairs have exponents at most 32 apart */
            b = (b & 0x807fffffu) | (exponent & 0xffu) << 23;
        }
        if (is_finite(a) && is_finite(b)) {
            wrong += differs(a, b);
        }
    }
    return wrong;
}

static int sums(void)
{
    int wrong = 0;
    for (uint32_t run = 0; run < 200000u && wrong < 10; run++) {
        const uint32_t around = run % 255u;
        float sum = float_of(around << 23 | (random_bits() & 0x7fffffu));
        wp_forest_float parts = wp_forest_float_unpack(bits_of(sum));
        for (uint32_t i = 0; i < 64u; i++) {
            const uint32_t exponent = around + (random_bits() & 7u) - 6u;
            const uint32_t leaf = (random_bits() & 0x80000000u) | (exponent & 0xffu) << 23 |
                                  (random_bits() & ((run & 1u) != 0u ? 0x7fffffu : 0x700000u));
            if (!is_finite(leaf)) {
                continue;
            }
            const volatile float next = sum + float_of(leaf);
            sum = next;
            parts = wp_forest_float_add(parts, wp_forest_float_unpack(leaf));
            if (wp_forest_float_pack(parts) != bits_of(sum)) {
                printf("run %u, term %u: %08x, not %08x\n", (unsigned)run, (unsigned)i, (unsigned)bits_of(sum),
                    (unsigned)wp_forest_float_pack(parts));
                wrong++;
                break;
            }
        }
    }
    return wrong;
}

static int packing(void)
{
    int wrong = 0;
    for (uint64_t bits = 0; bits <= UINT32_MAX && wrong < 10; bits += 251u) {
        const uint32_t number = (uint32_t)bits;
        if (is_finite(number) && wp_forest_float_pack(wp_forest_float_unpack(number)) != number) {
            printf("%08x\n", (unsigned)number);
            wrong++;
        }
    }
    return wrong;
}

int main(int argc, char *argv[])
{
    const struct {
        const char *name;
        int (*run)(void);
    } tests[] = {{"pairs", pairs}, {"random", randoms}, {"sums", sums}, {"packing", packing}};
    for (uint32_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (argc == 2 && strcmp(argv[1], tests[i].name) == 0) {
            return tests[i].run() != 0;
        }
    }
    return 2;
}
