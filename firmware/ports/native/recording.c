#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX 512 /* bytes of a line */

enum { T_MS, VOLTAGE_MV, CURRENT_MA };
static const char *const column_names[RECORDING_COLUMNS] = {"t_ms", "voltage_mv", "current_ma"};

static bool complain(const native_recording *recording, const char *what)
{
    (void)fprintf(stderr, "%s:%u: %s (docs/dataset.md)\n", recording->name, (unsigned)recording->line, what);
    return false;
}

/* Reads a line without its end; blank ones are skipped. False at the end of the file. */
static bool read_line(native_recording *recording, char text[ROW_MAX])
{
    while (fgets(text, ROW_MAX, recording->file) != NULL) { /* one turn a line */
        recording->line++;
        text[strcspn(text, "\r\n")] = '\0';
        if (text[strspn(text, " \t")] != '\0') {
            return true;
        }
    }
    return false;
}

/* Cuts off the first field of *rest, which becomes NULL after the last. */
static char *cut_field(char **rest)
{
    char *field = *rest;
    char *comma = strchr(field, ',');
    *rest = comma == NULL ? NULL : comma + 1;
    if (comma != NULL) {
        *comma = '\0';
    }
    return field;
}

static bool read_column_names(native_recording *recording)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    char text[ROW_MAX];
    if (!read_line(recording, text)) {
        return complain(recording, "no line of column names");
    }
    for (int k = 0; k < RECORDING_COLUMNS; k++) {
        recording->column[k] = -1;
    }
    char *rest = strncmp(text, byte_order_mark, 3) == 0 ? text + 3 : text;
    for (int at = 0; rest != NULL; at++) { /* one turn a field */
        const char *name = cut_field(&rest);
        for (int k = 0; k < RECORDING_COLUMNS; k++) {
            if (strcmp(name, column_names[k]) == 0) {
                recording->column[k] = at;
            }
        }
    }
    for (int k = 0; k < RECORDING_COLUMNS; k++) {
        if (recording->column[k] < 0) {
            return complain(recording, "no column t_ms, voltage_mv or current_ma");
        }
    }
    return true;
}

static bool read_whole(const char *text, long long *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
}

static bool is_sample(const long long values[RECORDING_COLUMNS])
{
    return values[T_MS] >= 0 && values[T_MS] <= UINT32_MAX && values[VOLTAGE_MV] >= -WP_VOLTAGE_MAX_MV &&
           values[VOLTAGE_MV] <= WP_VOLTAGE_MAX_MV && values[CURRENT_MA] >= -WP_CURRENT_MAX_MA &&
           values[CURRENT_MA] <= WP_CURRENT_MAX_MA;
}

bool recording_open(native_recording *recording, const char *name)
{
    recording->name = name;
    recording->line = 0;
    recording->file = fopen(name, "r");
    if (recording->file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", name, strerror(errno));
        return false;
    }
    if (!read_column_names(recording)) {
        recording_close(recording);
        return false;
    }
    return true;
}

recording_row recording_read(native_recording *recording, wp_sample *sample)
{
    char text[ROW_MAX];
    long long values[RECORDING_COLUMNS] = {0};
    int n_found = 0;
    if (!read_line(recording, text)) {
        return ROW_NONE;
    }
    char *rest = text;
    for (int at = 0; rest != NULL; at++) { /* one turn a field */
        const char *field = cut_field(&rest);
        for (int k = 0; k < RECORDING_COLUMNS; k++) {
            if (at == recording->column[k] && read_whole(field, &values[k])) {
                n_found++;
            }
        }
    }
    if (n_found != RECORDING_COLUMNS || !is_sample(values)) {
        (void)complain(recording, "not a whole number each for t_ms, voltage_mv and current_ma, within their ranges");
        return ROW_WRONG;
    }
    *sample = (wp_sample){(uint32_t)values[T_MS], (int32_t)values[VOLTAGE_MV], (int32_t)values[CURRENT_MA]};
    return ROW_READ;
}

void recording_close(native_recording *recording)
{
    if (recording->file != NULL) {
        (void)fclose(recording->file);
        recording->file = NULL;
    }
}

static bool check_rows(native_recording *recording)
{
    wp_sample before;
    wp_sample sample;
    recording_row row = recording_read(recording, &before);
    if (row == ROW_NONE) {
        return complain(recording, "no samples");
    }
    while (row == ROW_READ) { /* one turn a row */
        row = recording_read(recording, &sample);
        if (row == ROW_READ && sample.t_ms <= before.t_ms) {
            return complain(recording, "t_ms does not move forward");
        }
        before = sample;
    }
    return row == ROW_NONE;
}

bool recording_check(const char *name)
{
    native_recording recording;
    if (!recording_open(&recording, name)) {
        return false;
    }
    const bool good = check_rows(&recording);
    recording_close(&recording);
    return good;
}
