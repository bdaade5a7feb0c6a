#include "fixed_point.h"
#include "wp/charge.h"

#define WEIGHT_END 16384u /* 2^-16 and less weighs nothing */

/* 65535 x 2^(-i / 64). */
static const uint16_t exp2_q16[64] = {
    65535, 64829, 64131, 63440, 62757, 62081, 61412, 60750, 60096, 59449, 58808, 58175, 57548, 56928, 56315, 55708,
    55108, 54515, 53927, 53346, 52772, 52203, 51641, 51085, 50534, 49990, 49452, 48919, 48392, 47871, 47355, 46845,
    46340, 45841, 45347, 44859, 44376, 43898, 43425, 42957, 42494, 42036, 41584, 41136, 40693, 40254, 39821, 39392,
    38967, 38548, 38132, 37722, 37315, 36913, 36516, 36122, 35733, 35348, 34968, 34591, 34218, 33850, 33485, 33124,
};

/* The likelihood of a class relative to the likeliest, which has 65535 itself. Both factors are below 2^32: their
 * product fits 64 bits. */
static uint32_t weight(const wp_model *model, uint32_t difference)
{
    const uint64_t z = ((uint64_t)difference * model->softmax_multiplier) >> model->softmax_shift;
    return z >= WEIGHT_END ? 0u : (uint32_t)exp2_q16[(z & 1023u) >> 4] >> (z >> 10);
}

/* Sets device and confidence. The weights add up to at most 255 x 65535, and to at least 65535, the likeliest's own;
 * 1000 x 65535 + sum / 2 stays below 2^27. */
static void answer_device(const wp_model *model, const int32_t margin[], wp_answer *answer)
{
    const uint32_t own = exp2_q16[0];
    const uint8_t n_devices = model->n_devices;
    uint32_t sum = own;
    uint8_t device = 0;

    for (uint8_t c = 1; c < n_devices; c++) {
        if (margin[c] > margin[device]) {
            device = c;
        }
    }
    for (uint8_t c = 0; c < n_devices; c++) {
        if (c != device) {
            sum += weight(model, (uint32_t)margin[device] - (uint32_t)margin[c]);
        }
    }
    answer->device = device;
    answer->confidence_permille = (uint16_t)((1000u * own + sum / 2u) / sum);
    if (answer->confidence_permille < model->unknown_below_permille) {
        answer->flags |= WP_FLAG_UNKNOWN;
    }
}

/* floor(x / 2^shift): a right shift of a negative number is the compiler's choice in C. */
static int64_t floor_shift(int64_t x, uint8_t shift)
{
    return x >= 0 ? x >> shift : -1 - ((-1 - x) >> shift);
}

static int32_t remaining_s(const wp_model *model, int32_t output, size_t j)
{
    const uint8_t shift = model->remaining_shift;
    const int64_t half = shift == 0 ? 0 : (int64_t)1 << (shift - 1);
    const int64_t s = floor_shift(output + half, shift) + model->remaining_offset_s[j];
    return s < 0 ? 0 : saturate(s);
}

static void sort_pair(int32_t *low, int32_t *high)
{
    if (*low > *high) {
        const int32_t larger_one = *low;
        *low = *high;
        *high = larger_one;
    }
}

void wp_answer_from_outputs(const wp_model *model, const int32_t margin[], const int32_t quantile[WP_N_QUANTILES],
                            wp_phase phase, wp_answer *answer)
{
    answer->device = 0;
    answer->confidence_permille = 0;
    answer->flags = (uint8_t)((uint32_t)phase << WP_FLAG_PHASE_SHIFT);
    if (model->n_devices > 1) {
        answer_device(model, margin, answer);
    } else {
        answer->flags |= WP_FLAG_NO_DEVICE;
    }
    for (size_t j = 0; j < WP_N_QUANTILES; j++) {
        answer->remaining_s[j] = phase == WP_PHASE_FULL ? 0 : remaining_s(model, quantile[j], j);
    }
    sort_pair(&answer->remaining_s[0], &answer->remaining_s[1]);
    sort_pair(&answer->remaining_s[1], &answer->remaining_s[2]);
    sort_pair(&answer->remaining_s[0], &answer->remaining_s[1]);
}
