#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROW_MAX 512 /* bytes of a line */

enum { T_MS, VOLTAGE_MV, CURRENT_MA, N_COLUMNS };
static const recording_column sample_columns[N_COLUMNS] = {
    [T_MS] = {"t_ms", 0, UINT32_MAX, false},
    [VOLTAGE_MV] = {"voltage_mv", -WP_VOLTAGE_MAX_MV, WP_VOLTAGE_MAX_MV, false},
    [CURRENT_MA] = {"current_ma", -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA, false}};

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
    for (int k = 0; k < recording->n_columns; k++) {
        recording->column[k] = -1;
    }
    char *rest = strncmp(text, byte_order_mark, 3) == 0 ? text + 3 : text;
    for (int at = 0; rest != NULL; at++) { /* one turn a field */
        const char *name = cut_field(&rest);
        for (int k = 0; k < recording->n_columns; k++) {
            if (strcmp(name, recording->columns[k].name) == 0) {
                recording->column[k] = at;
            }
        }
    }
    for (int k = 0; k < recording->n_columns; k++) {
        if (recording->column[k] < 0 && !recording->columns[k].optional) {
            (void)fprintf(stderr, "%s:%u: no column %s (docs/dataset.md)\n", recording->name,
                          (unsigned)recording->line, recording->columns[k].name);
            return false;
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

bool recording_open(native_recording *recording, const char *name, const recording_column *columns, int n_columns)
{
    recording->name = name;
    recording->columns = columns;
    recording->n_columns = n_columns;
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

bool recording_has(const native_recording *recording, int column)
{
    return recording->column[column] >= 0;
}

/* Takes a field for the column it stands in. False: it is none of that column's. */
static bool take_field(const native_recording *recording, int at, const char *field, long long *values, int *n_found)
{
    for (int k = 0; k < recording->n_columns; k++) {
        const recording_column *column = &recording->columns[k];
        if (at != recording->column[k]) {
            continue;
        }
        if (column->optional && field[0] == '\0') {
            return true;
        }
        if (!read_whole(field, &values[k]) || values[k] < column->lowest || values[k] > column->highest) {
            return false;
        }
        *n_found += column->optional ? 0 : 1;
    }
    return true;
}

recording_row recording_read_row(native_recording *recording, long long *values)
{
    char text[ROW_MAX];
    int n_required = 0;
    int n_found = 0;
    bool right = true;
    if (!read_line(recording, text)) {
        return ROW_NONE;
    }
    for (int k = 0; k < recording->n_columns; k++) {
        n_required += recording->columns[k].optional ? 0 : 1;
    }
    char *rest = text;
    for (int at = 0; rest != NULL; at++) { /* one turn a field */
        right = take_field(recording, at, cut_field(&rest), values, &n_found) && right;
    }
    if (!right || n_found != n_required) {
        (void)complain(recording, "not a whole number each for its columns, within their ranges");
        return ROW_WRONG;
    }
    return ROW_READ;
}

bool recording_open_samples(native_recording *recording, const char *name)
{
    return recording_open(recording, name, sample_columns, N_COLUMNS);
}

recording_row recording_read(native_recording *recording, wp_sample *sample)
{
    long long values[N_COLUMNS] = {0};
    const recording_row row = recording_read_row(recording, values);
    if (row == ROW_READ) {
        *sample = (wp_sample){(uint32_t)values[T_MS], (int32_t)values[VOLTAGE_MV], (int32_t)values[CURRENT_MA]};
    }
    return row;
}

void recording_close(native_recording *recording)
{
    if (recording->file != NULL) {
        (void)fclose(recording->file);
        recording->file = NULL;
    }
}

bool recording_check_rows(native_recording *recording)
{
    long long values[RECORDING_COLUMNS_MAX] = {0};
    recording_row row = recording_read_row(recording, values);
    if (row == ROW_NONE) {
        return complain(recording, "no samples");
    }
    while (row == ROW_READ) { /* one turn a row */
        const long long before_ms = values[T_MS];
        row = recording_read_row(recording, values);
        if (row == ROW_READ && values[T_MS] <= before_ms) {
            return complain(recording, "t_ms does not move forward");
        }
    }
    return row == ROW_NONE;
}

bool recording_check(const char *name)
{
    native_recording recording;
    if (!recording_open_samples(&recording, name)) {
        return false;
    }
    const bool good = recording_check_rows(&recording);
    recording_close(&recording);
    return good;
}
