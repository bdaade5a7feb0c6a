/* wp/advice.h: what the estimates of a charge propose: stop at a target, be ready by a time, charge slowly until then.
 *
 * A proposal is an output. Only where the settings wish it, and only through a function that the program hands over, is
 * it passed on to the charger's own control; without either nothing is switched. It is no protection: it guesses, it may
 * fall silent at any moment, and whatever the charger has to do for safety it does without this. docs/advice.md defines
 * all of it to the last bit; an independent version in tests/ checks this one. O(1), integers, any input.
 *
 *     wp_advice_begin(&advice, &settings, now_s);           when something is plugged in
 *     wp_advice_ready_by(&advice, now_s, 8 * 3600);         it is wanted in eight hours
 *     wp_advice_update(&advice, now_s, &input, &proposal);  after each answer
 */
#ifndef WP_ADVICE_H
#define WP_ADVICE_H

#include "wp/types.h"

#define WP_ADVICE_NOT_KNOWN (-1)
#define WP_ADVICE_MAX_S 604800 /* times are limited to a week */

/* What may be switched, a sum of these. */
enum { WP_ADVICE_STOP = 1, WP_ADVICE_LATER = 2, WP_ADVICE_SLOWLY = 4 };

typedef struct wp_advice_settings {
    uint8_t wishes;        /* 0: nothing is switched, whatever is proposed */
    bool to_target;        /* "ready" means at the target; else full */
    int32_t least_ma;      /* the lowest current that may be asked for, 1 ... WP_CURRENT_MAX_MA; 6000 for IEC 61851 */
    int32_t most_ma;       /* the highest, least_ma ... WP_CURRENT_MAX_MA */
    int32_t step_ma;       /* currents asked for are multiples of it, rounded up, 1 ... 10000 */
    int32_t observe_s;     /* charge so long first, so that there is an estimate, 0 ... WP_ADVICE_MAX_S */
    int32_t margin_s;      /* be ready so much earlier, 0 ... WP_ADVICE_MAX_S */
    int32_t on_s;          /* stay on at least, 60 ... WP_ADVICE_MAX_S */
    int32_t off_s;         /* stay off at least, 60 ... WP_ADVICE_MAX_S */
    int32_t change_s;      /* between two changes of the current at least, 60 ... WP_ADVICE_MAX_S */
    int32_t confirm_s;     /* the target has to be reached for so long, 0 ... WP_ADVICE_MAX_S */

    /* Tells the charger's own control: whether to charge, and with how much at most. Called at changes only. NULL: nobody
     * is told. */
    void (*enable)(void *context, bool on, int32_t limit_ma);
    void *context;
} wp_advice_settings;

/* What is known of the charge now. */
typedef struct wp_advice_input {
    bool drawing;        /* current flows; else times and current are not read */
    int32_t current_ma;  /* that flows, on the phase with most of it; 1 or more where drawing */
    int32_t full_s[3];   /* until full at 10, 50, 90 %, with that current; negative: not known */
    int32_t target_s[3]; /* until the target, likewise */
} wp_advice_input;

typedef struct wp_advice {
    /* Proposals, whatever the wishes. */
    bool stop;             /* the target has been reached */
    bool late;             /* not even with the highest current will it be ready in nine cases of ten */
    int32_t start_in_s;    /* charging may wait so long and be ready in nine cases of ten; WP_ADVICE_NOT_KNOWN */
    int32_t limit_ma;      /* the lowest current for that, from now on; the highest where nothing is asked or known */
    int32_t ready_in_s[3]; /* at 10, 50, 90 %, what is waited for included; WP_ADVICE_NOT_KNOWN */

    /* What the wishes make of them. */
    bool on;
    int32_t on_limit_ma;
} wp_advice;

/* Of one charge. All zero is not a valid state. */
typedef struct wp_advice_state {
    wp_advice_settings settings;
    bool asked;     /* for a time */
    bool drawn;     /* ever */
    bool estimated; /* needed_s is known */
    bool waiting;
    bool waited;    /* it waits once a charge */
    bool lowered;   /* the current is lowered once a charge, then only raised */
    bool reaching;  /* at the target since reached_s */
    bool stopped;
    bool on;
    uint32_t ready_s;   /* on the clock of now_s, as all of these */
    uint32_t drawn_s;
    uint32_t reached_s;
    uint32_t switched_s;
    uint32_t changed_s;
    int32_t needed_s[3]; /* as last estimated while current flowed */
    int32_t needed_ma;   /* with this current */
    int32_t limit_ma;
} wp_advice_state;

/* Nothing is wished; a charge point's currents, 6 to 16 A; five minutes to observe, 15 of margin, ten on or off. */
wp_advice_settings wp_advice_defaults(void);

/* WP_OK, or WP_ERROR_FIELD when a setting is outside of what is said above. */
wp_status wp_advice_check(const wp_advice_settings *settings) WP_MUST_CHECK;

/* Something has been plugged in: on, with the highest current. Settings are copied; they have passed wp_advice_check. */
void wp_advice_begin(wp_advice_state *state, const wp_advice_settings *settings, uint32_t now_s);

/* It has left, or the program stops advising: what was switched is given back, by a last call of `enable`. */
void wp_advice_end(wp_advice_state *state);

/* When it is wanted: in so many seconds from now; negative: whenever. What has been decided is open again. */
void wp_advice_ready_by(wp_advice_state *state, uint32_t now_s, int32_t in_s);

/* After each answer, and at least once a minute.
 *
 *   now_s    seconds of a clock that wraps at 2^32
 *   input    an estimate is believed as it stands: calibrated it is on average */
void wp_advice_update(wp_advice_state *state, uint32_t now_s, const wp_advice_input *input, wp_advice *advice);

#endif
