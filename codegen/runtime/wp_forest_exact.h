/* wp_forest_exact: forests whose margins are XGBoost's own float32, to the last bit.
 *
 * A generated model includes this file and hands it its tables. Nothing here has external linkage, and no result
 * depends on how the compiler or the processor does float arithmetic.
 *
 * Features first become small numbers. A feature's thresholds, in order, are cut into blocks of at most 16, and
 * below[b] is 16 times the number of thresholds of block b that the feature has reached, or 255 for all of them. A
 * split is a block's number and a byte, (place in the block) * 16 + (splits of its left subtree), and goes left when
 * that byte is at least below[b]. No split has the byte 255.
 *
 * A tree is its splits, parents first, left before right: the sizes alone tell where a subtree begins, and how many
 * leaves lie before it. A tree too large or too lopsided for such sizes is cut into pieces; a leaf of one piece leads
 * to the next.
 *
 * Sums are rounded after every tree, as float32 addition does. Without a float unit that is done on integers. */
#ifndef WP_FOREST_EXACT_H
#define WP_FOREST_EXACT_H

#include <float.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "wp_forest_float.h"
#include "wp_forest_key.h"

/* 1 adds leaves as integers, 0 as floats; results are the same. On rv32imc a row takes 0.4 of the instructions that
 * way, and all the code together less flash than the float addition of the compiler's library alone. */
#ifndef WP_FOREST_EXACT_INTEGER_SUM
#if FLT_EVAL_METHOD != 0 || defined(__FAST_MATH__) || defined(__SOFTFP__) || \
    (defined(__riscv) && !defined(__riscv_flen)) || (defined(__arm__) && !defined(__ARM_FP))
#define WP_FOREST_EXACT_INTEGER_SUM 1
#else
#define WP_FOREST_EXACT_INTEGER_SUM 0
#endif
#endif

/* APART: below[] on a caller's stack is cheaper to read by a pointer. INLINE: even at -Os, a step of a walk is. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_FOREST_EXACT_APART static __attribute__((noinline, unused))
#define WP_FOREST_EXACT_INLINE static inline __attribute__((always_inline))
#else
#define WP_FOREST_EXACT_APART static
#define WP_FOREST_EXACT_INLINE static inline
#endif

#define WP_FOREST_EXACT_ALL 255
#define WP_FOREST_EXACT_LINK 0x7f800000u /* no leaf is infinite */

/* A feature and its blocks, which follow those of the feature before. Where splits of one feature send a missing value
 * both ways, the feature is listed twice. */
typedef struct wp_forest_exact_feature {
    uint16_t column;
    uint16_t blocks; /* twice their number, and 1 more where missing goes left */
} wp_forest_exact_feature;

/* The tables of a model; NULL for those that would be empty. Numbers of which most are short come in parts. */
typedef struct wp_forest_exact {
    const wp_forest_exact_feature *features;
    const int32_t *block_last;    /* greatest threshold of each block */
    const uint16_t *start_low;    /* where the distances of each block begin; one more for where they end */
    const uint16_t *start_high;   /* bits 16 to 31 */
    const uint16_t *distance_low; /* of a block's other thresholds to its greatest, falling */
    const uint8_t *distance_mid;  /* bits 16 to 23 */
    const uint8_t *distance_high; /* bits 24 to 31 */
    const uint8_t *splits;
    const uint8_t *pieces;         /* of each tree: splits, and (splits left of its root / 16) * 64 */
    const uint16_t *leaf_low;      /* mantissa, two's complement, without bit 23: that is the sign's opposite */
    const int8_t *leaf_high;       /* bits 16 to 22, and the sign */
    const uint8_t *leaf_exponents; /* less exponent_base, two to a byte; 0: the mantissa is a place in specials */
    const uint32_t *specials;      /* bits of a leaf; or LINK + piece, and where its splits and its leaves begin */
    const uint32_t *trees;         /* of each output */
    const float *base;             /* of each output: its margin without trees */
    int32_t exponent_base;         /* at least 23 */
    uint32_t n_features;
    uint32_t n_outputs;
    uint32_t split_bytes; /* 2; or 3, with block numbers of two bytes, the low one first */
    bool links;           /* whether specials holds any */
} wp_forest_exact;

/* How many of the n distances from `at` on, which fall, are at least `distance`. */
static inline uint32_t wp_forest_exact_reached(const wp_forest_exact *f, uint32_t at, uint32_t n, uint32_t distance)
{
    const uint32_t start = at;
    while (n > 0u) { /* halves n */
        const uint32_t half = n >> 1;
        uint32_t other = f->distance_low[at + half];
        other |= f->distance_mid != NULL ? (uint32_t)f->distance_mid[at + half] << 16 : 0u;
        other |= f->distance_high != NULL ? (uint32_t)f->distance_high[at + half] << 24 : 0u;
        if (other >= distance) {
            at += half + 1u;
            n -= half + 1u;
        } else {
            n = half;
        }
    }
    return at - start;
}

static inline uint32_t wp_forest_exact_start(const wp_forest_exact *f, uint32_t block)
{
    return f->start_low[block] | (f->start_high != NULL ? (uint32_t)f->start_high[block] << 16 : 0u);
}

/* Fills below[] for a feature, whose blocks begin with `first`; returns where those of the next do. */
static inline uint32_t wp_forest_exact_bin(
    const wp_forest_exact *f, uint32_t blocks, uint32_t first, int32_t key, uint8_t *below)
{
    const int32_t *last = f->block_last + first;
    volatile uint8_t *to = below + first; /* volatile: memset, called for a few bytes each time, costs more */
    const volatile uint8_t *end = to + (blocks >> 1);
    if (key == WP_FOREST_MISSING && (blocks & 1u) == 0u) {
        key = INT32_MAX; /* reaches every threshold; MISSING itself reaches none */
    }
    for (; to != end && key >= *last; last++) {
        *to++ = WP_FOREST_EXACT_ALL;
    }
    if (to != end) {
        const uint32_t block = (uint32_t)(last - f->block_last);
        const uint32_t start = wp_forest_exact_start(f, block);
        const uint32_t others = wp_forest_exact_start(f, block + 1u) - start;
        *to++ = (uint8_t)(wp_forest_exact_reached(f, start, others, (uint32_t)*last - (uint32_t)key) << 4);
    }
    while (to != end) {
        *to++ = 0;
    }
    return first + (blocks >> 1);
}

/* below[n blocks] of a row. */
WP_FOREST_EXACT_APART void wp_forest_exact_bin_floats(const wp_forest_exact *f, const float *x, uint8_t *below)
{
    const wp_forest_exact_feature *feature = f->features;
    uint32_t block = 0;
    for (uint32_t n = f->n_features; n > 0u; n--, feature++) {
        block = wp_forest_exact_bin(f, feature->blocks, block, wp_forest_key(x[feature->column]), below);
    }
}

WP_FOREST_EXACT_APART void wp_forest_exact_bin_integers(const wp_forest_exact *f, const int32_t *x, uint8_t *below)
{
    const wp_forest_exact_feature *feature = f->features;
    uint32_t block = 0;
    for (uint32_t n = f->n_features; n > 0u; n--, feature++) {
        block = wp_forest_exact_bin(f, feature->blocks, block, x[feature->column], below);
    }
}

/* A subtree on a row's way down a piece. */
typedef struct wp_forest_exact_subtree {
    const uint8_t *split; /* its root */
    uint32_t n;           /* its splits */
    uint32_t leaf;        /* its first leaf, counted from the piece's */
} wp_forest_exact_subtree;

/* One split down. `more` is the part of its left subtree's size that its byte does not hold. */
WP_FOREST_EXACT_INLINE void wp_forest_exact_step(
    const wp_forest_exact *f, const uint8_t *below, uint32_t more, wp_forest_exact_subtree *t)
{
    const uint32_t block = f->split_bytes == 2u ? t->split[0] : t->split[0] | (uint32_t)t->split[1] << 8;
    const uint32_t place = t->split[f->split_bytes - 1u];
    uint32_t n = more + (place & 15u);
    t->split += f->split_bytes;
    if (place < below[block]) {
        t->split += f->split_bytes * n;
        n++;
        t->leaf += n;
        n = t->n - n;
    }
    t->n = n;
}

/* The leaf of a piece that a row comes to, counted from the piece's first. */
WP_FOREST_EXACT_INLINE uint32_t wp_forest_exact_walk(
    const wp_forest_exact *f, const uint8_t *split, uint32_t piece, const uint8_t *below)
{
    wp_forest_exact_subtree t = {split, piece & 63u, 0};
    if (t.n != 0u) {
        wp_forest_exact_step(f, below, piece >> 2 & 48u, &t);
        if (t.n != 0u) {
            do { /* n falls; as a number with sign, because GCC 12 makes one slower loop of two equal tests */
                wp_forest_exact_step(f, below, 0, &t);
            } while ((int32_t)t.n > 0);
        }
    }
    return t.leaf;
}

/* Where the next tree's piece, splits and leaves begin. */
typedef struct wp_forest_exact_place {
    const uint8_t *piece;
    const uint8_t *split;
    uint32_t leaf;
} wp_forest_exact_place;

/* A leaf as it is stored: 24 bits and 4. */
typedef struct wp_forest_exact_leaf {
    uint32_t mantissa;
    uint32_t exponent;
} wp_forest_exact_leaf;

/* The leaf that a row comes to in the next tree. */
WP_FOREST_EXACT_INLINE wp_forest_exact_leaf wp_forest_exact_next(
    const wp_forest_exact *f, const uint8_t *below, wp_forest_exact_place *place)
{
    const uint32_t piece = *place->piece++;
    uint32_t at = place->leaf + wp_forest_exact_walk(f, place->split, piece, below);
    place->split += f->split_bytes * (piece & 63u);
    place->leaf += (piece & 63u) + 1u;
    for (;;) { /* once for each of the tree's pieces at most */
        const wp_forest_exact_leaf leaf = {
            (uint32_t)f->leaf_high[at] << 16 | f->leaf_low[at],
            (uint32_t)f->leaf_exponents[at >> 1] >> (4u * (at & 1u)) & 15u,
        };
        if (!f->links || leaf.exponent != 0u) {
            return leaf;
        }
        const uint32_t *special = f->specials + leaf.mantissa;
        if (special[0] >> 23 != WP_FOREST_EXACT_LINK >> 23) {
            return leaf;
        }
        at = special[2] + wp_forest_exact_walk(f, f->splits + special[1], special[0], below);
    }
}

static inline bool wp_forest_exact_is_special(const wp_forest_exact *f, wp_forest_exact_leaf leaf)
{
    return f->specials != NULL && leaf.exponent == 0u;
}

/* The mantissa of a leaf that is none of the specials: 2**23 to 2**24, with its sign. */
static inline int32_t wp_forest_exact_mantissa(wp_forest_exact_leaf leaf)
{
    return (int32_t)(leaf.mantissa ^ 1u << 23);
}

static inline float wp_forest_exact_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The sum of a margin and the leaves of the next n trees; one for each way of adding. */
#if WP_FOREST_EXACT_INTEGER_SUM
static inline wp_forest_float wp_forest_exact_unpack(const wp_forest_exact *f, wp_forest_exact_leaf leaf)
{
    if (wp_forest_exact_is_special(f, leaf)) {
        return wp_forest_float_unpack(f->specials[leaf.mantissa]);
    }
    const wp_forest_float number = {wp_forest_exact_mantissa(leaf), (int32_t)leaf.exponent + f->exponent_base};
    return number;
}

WP_FOREST_EXACT_APART wp_forest_float wp_forest_exact_add(wp_forest_float sum, wp_forest_float leaf)
{
    return wp_forest_float_add(sum, leaf);
}

WP_FOREST_EXACT_INLINE float wp_forest_exact_sum(
    const wp_forest_exact *f, const uint8_t *below, float margin, uint32_t n, wp_forest_exact_place *place)
{
    uint32_t bits;
    memcpy(&bits, &margin, sizeof bits);
    wp_forest_float sum = wp_forest_float_unpack(bits);
    /* Most additions leave the sum's sign and exponent as they are: the leaf's mantissa, shifted right, is added, and
     * what was shifted out rounds. `reach` less the leaf's exponent is that shift plus 7; `window` is sum >> 23 for
     * that sign and exponent. At the highest exponent the sum may round to infinity, so there it is nothing's. */
    uint32_t reach = 0;
    int32_t window = 0;
    for (; n != 0u; n--) {
        const wp_forest_exact_leaf leaf = wp_forest_exact_next(f, below, place);
        const uint32_t shift = reach - leaf.exponent;
        if (shift < 32u && !wp_forest_exact_is_special(f, leaf)) {
            const int32_t mantissa = wp_forest_exact_mantissa(leaf) * 128;
            const uint32_t fraction = (uint32_t)mantissa << ((0u - shift) & 31u);
            /* Under a shift of 0 this may wrap, and is then far from the window. */
            const int32_t floor = (int32_t)((uint32_t)sum.mantissa + (uint32_t)(mantissa >> shift));
            const bool up = fraction + ((uint32_t)floor & 1u) > 0x80000000u; /* ties go to even */
            if (floor >> 23 == window) {
                sum.mantissa = floor + (up ? 1 : 0);
                continue;
            }
        }
        sum = wp_forest_exact_add(sum, wp_forest_exact_unpack(f, leaf));
        reach = (uint32_t)(sum.exponent - f->exponent_base + 7);
        window = sum.exponent >= 254 ? INT32_MAX : (sum.mantissa < 0 ? -2 : 1);
    }
    return wp_forest_exact_float(wp_forest_float_pack(sum));
}
#else
WP_FOREST_EXACT_INLINE float wp_forest_exact_sum(
    const wp_forest_exact *f, const uint8_t *below, float margin, uint32_t n, wp_forest_exact_place *place)
{
    for (; n != 0u; n--) {
        const wp_forest_exact_leaf leaf = wp_forest_exact_next(f, below, place);
        if (wp_forest_exact_is_special(f, leaf)) {
            margin += wp_forest_exact_float(f->specials[leaf.mantissa]);
        } else {
            /* Both factors and the product are exact: mantissa * 2**(exponent - 150), and the power is normal. */
            const uint32_t exponent = leaf.exponent + (uint32_t)f->exponent_base;
            margin += (float)wp_forest_exact_mantissa(leaf) * wp_forest_exact_float((exponent - 23u) << 23);
        }
    }
    return margin;
}
#endif

WP_FOREST_EXACT_APART void wp_forest_exact_sums(const wp_forest_exact *f, const uint8_t *below, float *out)
{
    wp_forest_exact_place place = {f->pieces, f->splits, 0};
    for (uint32_t i = 0; i < f->n_outputs; i++) {
        out[i] = wp_forest_exact_sum(f, below, f->base[i], f->trees[i], &place);
    }
}

#endif
