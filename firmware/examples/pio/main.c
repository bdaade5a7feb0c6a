/* A display's line, without a host: readings of a meter come as text, `milliseconds millivolts milliamperes`, and the line
 * says what is charging. `platform = native` runs it on this machine; on a board the readings come from its sensor.
 */
#include <stdio.h>

#include "wattprint.h"

#define COLUMNS 20

static wattprint meter;

static void show(const char *what, const char *when)
{
    printf("|%-*.*s%6s|\n", COLUMNS - 6, COLUMNS - 6, what, when);
}

static void on_answer(void *context, const wattprint_answer *answer)
{
    char minutes[12];
    (void)context;
    switch (answer->event) {
    case WATTPRINT_PLUG:
        show("hello", "");
        break;
    case WATTPRINT_ANSWER:
        (void)snprintf(minutes, sizeof minutes, "%dmin", (int)(answer->remaining_s / 60 % 10000));
        show(answer->device_name, answer->phase == WATTPRINT_FULL ? "full" : minutes);
        break;
    case WATTPRINT_UNPLUG:
        show("", "");
        break;
    case WATTPRINT_FAULT:
        show("look at the sensor", "");
        break;
    case WATTPRINT_WELL:
        break;
    }
}

int main(void)
{
    unsigned long now_ms;
    long voltage_mv;
    long current_ma;
    if (!wattprint_begin(&meter, on_answer, NULL)) {
        return 1;
    }
    while (scanf("%lu %ld %ld", &now_ms, &voltage_mv, &current_ma) == 3) {
        wattprint_feed(&meter, (uint32_t)now_ms, (int32_t)voltage_mv, (int32_t)current_ma);
    }
    return 0;
}
