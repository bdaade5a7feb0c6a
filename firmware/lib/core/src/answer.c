#include "fixed_point.h"
#include "wp/charge.h"

#define WEIGHT_END 16384u /* 2^-16 and less weighs nothing */
#define BEGUN_MS 30000u   /* a charge has shown how it begins */

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
static void likeliest_device(const wp_model *model, const int32_t margin[], wp_answer *answer)
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
}

void wp_answer_device(const wp_model *model, const int32_t x[WP_N_FEATURES], const int32_t margin[],
                      uint32_t elapsed_ms, wp_phase phase, wp_answer *answer)
{
    answer->device = 0;
    answer->confidence_permille = 0;
    answer->flags = (uint8_t)((uint32_t)phase << WP_FLAG_PHASE_SHIFT);
    if (model->n_devices == 1) {
        answer->flags |= WP_FLAG_NO_DEVICE;
        return;
    }
    likeliest_device(model, margin, answer);
    if (answer->confidence_permille < model->unknown_below_permille ||
        (model->prototypes != NULL && elapsed_ms >= BEGUN_MS &&
         wp_unfamiliarity(model, answer->device, x) > model->prototypes->unfamiliar_above)) {
        answer->flags |= WP_FLAG_UNKNOWN;
    }
}

/* The correction in force: of the last interval that has begun. */
static const wp_interval *interval_at(const wp_model *model, uint32_t elapsed_s)
{
    const wp_interval *found = &model->interval[0];

    for (uint8_t k = 1; k < model->n_intervals && model->interval[k].from_s <= elapsed_s; k++) {
        found = &model->interval[k];
    }
    return found;
}

static int32_t not_negative(int64_t s)
{
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

void wp_answer_remaining(const wp_model *model, const wp_estimate *estimate, uint32_t elapsed_ms, wp_phase phase,
                         wp_answer *answer)
{
    const wp_interval *interval = interval_at(model, elapsed_ms / 1000u);
    const int32_t offset_s[WP_N_QUANTILES] = {interval->low_s, 0, interval->high_s};

    for (size_t j = 0; j < WP_N_QUANTILES; j++) {
        const int64_t s = (int64_t)wp_estimate_remaining_s(estimate, elapsed_ms, j) + offset_s[j];
        answer->remaining_s[j] = phase == WP_PHASE_FULL ? 0 : not_negative(s);
    }
    sort_pair(&answer->remaining_s[0], &answer->remaining_s[1]);
    sort_pair(&answer->remaining_s[1], &answer->remaining_s[2]);
    sort_pair(&answer->remaining_s[0], &answer->remaining_s[1]);
}
