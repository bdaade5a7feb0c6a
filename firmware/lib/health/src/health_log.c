#include "health_log.h"

#define ENTRIES_LOG2 6
#define LN_2_Q30 744261118
#define PER_LN_2_Q28 387270501 /* 1 / ln 2 */
#define LOWEST_Q28 (-5 * (1 << 28))
#define HIGHEST_Q28 (1 << 28)

/* log2(1 + k / 64) x 2^24. */
static const uint32_t log2_q24[65] = {
    0u, 375270u, 744810u, 1108793u, 1467383u, 1820738u, 2169009u, 2512340u,
    2850868u, 3184728u, 3514044u, 3838941u, 4159533u, 4475935u, 4788255u, 5096595u,
    5401057u, 5701737u, 5998727u, 6292118u, 6581994u, 6868440u, 7151536u, 7431359u,
    7707984u, 7981483u, 8251926u, 8519380u, 8783912u, 9045584u, 9304457u, 9560591u,
    9814042u, 10064867u, 10313120u, 10558852u, 10802114u, 11042956u, 11281425u, 11517568u,
    11751428u, 11983051u, 12212479u, 12439752u, 12664911u, 12887994u, 13109041u, 13328087u,
    13545168u, 13760320u, 13973576u, 14184969u, 14394532u, 14602297u, 14808293u, 15012551u,
    15215099u, 15415967u, 15615181u, 15812769u, 16008758u, 16203172u, 16396036u, 16587377u,
    16777216u,
};

/* 2^(k / 64) x 2^30. */
static const uint32_t exp2_q30[65] = {
    1073741824u, 1085434106u, 1097253708u, 1109202018u, 1121280436u, 1133490379u, 1145833280u,
    1158310587u, 1170923762u, 1183674286u, 1196563654u, 1209593378u, 1222764986u, 1236080024u,
    1249540052u, 1263146652u, 1276901417u, 1290805962u, 1304861917u, 1319070932u, 1333434672u,
    1347954824u, 1362633090u, 1377471191u, 1392470869u, 1407633882u, 1422962010u, 1438457051u,
    1454120821u, 1469955159u, 1485961921u, 1502142985u, 1518500250u, 1535035634u, 1551751076u,
    1568648537u, 1585730000u, 1602997467u, 1620452965u, 1638098541u, 1655936265u, 1673968228u,
    1692196547u, 1710623359u, 1729250827u, 1748081133u, 1767116489u, 1786359126u, 1805811301u,
    1825475297u, 1845353420u, 1865448001u, 1885761398u, 1906295993u, 1927054196u, 1948038440u,
    1969251188u, 1990694927u, 2012372174u, 2034285470u, 2056437387u, 2078830522u, 2101467502u,
    2124350982u, 2147483648u,
};

int32_t wp_health_ln_q24(uint64_t value)
{
    int32_t exponent = 63;
    while (exponent > 0 && (value >> 63) == 0) { /* at most 63 times */
        value <<= 1;
        exponent--;
    }
    const uint32_t mantissa = (uint32_t)(value >> 32) & 0x7FFFFFFFu; /* behind the leading one, x 2^31 */
    const uint32_t k = mantissa >> (31 - ENTRIES_LOG2);
    const uint32_t part = mantissa & ((1u << (31 - ENTRIES_LOG2)) - 1u);
    const uint64_t rise = (uint64_t)(log2_q24[k + 1] - log2_q24[k]) * part >> (31 - ENTRIES_LOG2);
    const int64_t log2_of_it = ((int64_t)exponent << 24) + log2_q24[k] + (int64_t)rise;
    return (int32_t)(log2_of_it * LN_2_Q30 / (1 << 30));
}

int32_t wp_health_permille(int64_t log_q28)
{
    const int64_t within = log_q28 < LOWEST_Q28 ? LOWEST_Q28 : log_q28 > HIGHEST_Q28 ? HIGHEST_Q28 : log_q28;
    /* From -7.3 ... 1.5 to above 0, so that no negative number is shifted. */
    const uint64_t exponent_q28 = (uint64_t)(within * PER_LN_2_Q28 / (1 << 28) + ((int64_t)8 << 28));
    const uint32_t whole = (uint32_t)(exponent_q28 >> 28); /* 0 ... 9 */
    const uint32_t fraction = (uint32_t)exponent_q28 & 0xFFFFFFFu;
    const uint32_t k = fraction >> (28 - ENTRIES_LOG2);
    const uint32_t part = fraction & ((1u << (28 - ENTRIES_LOG2)) - 1u);
    const uint64_t rise = (uint64_t)(exp2_q30[k + 1] - exp2_q30[k]) * part >> (28 - ENTRIES_LOG2);
    const uint64_t power_q30 = exp2_q30[k] + rise;
    const uint32_t shift = 38u - whole; /* 30 bits of the table, and the 8 that were added */
    return (int32_t)((power_q30 * 1000u + ((uint64_t)1 << (shift - 1u))) >> shift);
}

uint32_t wp_health_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit > 0; bit >>= 1) {
        const uint64_t candidate = root | bit;
        root = candidate * candidate <= value ? candidate : root;
    }
    return (uint32_t)root;
}
