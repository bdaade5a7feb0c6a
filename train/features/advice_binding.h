/* advice_binding.h: wp/advice.h as Python calls it: whole charges, plain arrays, no struct. advice.py reads its
 * declarations from this very file. */
#ifndef WP_ADVICE_BINDING_H
#define WP_ADVICE_BINDING_H

#include <stddef.h>
#include <stdint.h>

/* wp_advice_defaults, in the order of wp_advice_settings: wishes, to_target, least_ma ... confirm_s. */
void wp_advice_binding_defaults(int32_t settings[11]);

/* Advises one charge, from its plug at `begin_s` on.
 *
 *   settings  [11]
 *   inputs    [n][10]: now_s, asks, ready_in_s, drawing, current_ma, full_s at 10, 50, 90 %, target_s at 50 and 90 %;
 *             where `asks` is not 0, ready_in_s is asked for before the update. target_s at 10 % is that at 50 %
 *   out       [n][9]: stop, late, start_in_s, limit_ma, ready_in_s at 10, 50, 90 %, on, on_limit_ma
 *   told      [n + 1][3]: calls of `enable` in an update, the latest call's on and limit; the last row: of wp_advice_end
 *
 * Returns 0, or -1 where the settings are refused. */
int32_t wp_advice_binding_run(uint32_t begin_s, const int32_t *settings, size_t n, const int64_t *inputs, int32_t *out,
                              int32_t *told);

#endif
