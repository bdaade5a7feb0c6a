/* C-on-host: the generated C and the core as a program of this machine, without wire, port or board.
 *
 * Standard input: t_ms, voltage_mv, current_ma of one charge, 32 bits each in this machine's byte order. Standard
 * output, for each: device, confidence_permille, remaining_s at 10, 50 and 90 %, flags, state CRC, 32 bits each.
 * Exit codes: 0 all answered, 1 output cannot be written, 2 a sample that the core refuses, 4 a model it cannot run.
 */
#include <stdio.h>

#include "model.h"
#include "wp/charge.h"

enum { N_MEASURED = 3, N_ANSWERED = 4 + WP_N_QUANTILES };

int main(void)
{
    static wp_charge charge;
    uint32_t measured[N_MEASURED];

    if (wp_charge_init(&charge, &wp_model_generated) != WP_OK) {
        return 4;
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* where the program is stopped, what it has answered is not lost */
    while (fread(measured, sizeof measured, 1, stdin) == 1) { /* one turn a sample */
        const wp_sample sample = {measured[0], (int32_t)measured[1], (int32_t)measured[2]};
        wp_answer answer;
        if (wp_charge_update(&charge, &sample, &answer) != WP_OK) {
            return 2;
        }
        const uint32_t answered[N_ANSWERED] = {
            answer.device,
            answer.confidence_permille,
            (uint32_t)answer.remaining_s[0],
            (uint32_t)answer.remaining_s[1],
            (uint32_t)answer.remaining_s[2],
            answer.flags,
            answer.state_crc,
        };
        if (fwrite(answered, sizeof answered, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
