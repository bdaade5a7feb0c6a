/* recording.h: sample files of a dataset (docs/dataset.md), row by row. What is wrong with one is said on stderr. */
#ifndef NATIVE_RECORDING_H
#define NATIVE_RECORDING_H

#include <stdio.h>

#include "wp/types.h"

#define RECORDING_COLUMNS_MAX 13

/* A column by its name, and what it may hold. */
typedef struct recording_column {
    const char *name;
    long long lowest;
    long long highest;
    bool optional; /* a file may lack it, and a row may leave it empty */
} recording_column;

typedef struct native_recording {
    const char *name;
    FILE *file;                        /* NULL: closed */
    const recording_column *columns;   /* [n_columns], the first is t_ms */
    int n_columns;
    int column[RECORDING_COLUMNS_MAX]; /* where each stands; -1: nowhere */
    uint32_t line;                     /* read last, from 1 */
} native_recording;

typedef enum recording_row { ROW_READ, ROW_NONE, ROW_WRONG } recording_row;

/* Opens a file and reads its column names. False when it cannot.
 *
 *   columns  [n_columns] */
bool recording_open(native_recording *recording, const char *name, const recording_column *columns, int n_columns);

/* Whether an open file has that column. */
bool recording_has(const native_recording *recording, int column);

/* The next row; ROW_NONE behind the last.
 *
 *   values  [n_columns]; what a row does not tell stays as it was */
recording_row recording_read_row(native_recording *recording, long long *values);

/* What a charger's sensor measures: t_ms, voltage_mv, current_ma; and its next sample. */
bool recording_open_samples(native_recording *recording, const char *name);
recording_row recording_read(native_recording *recording, wp_sample *sample);

void recording_close(native_recording *recording);

/* Whether the file at that path can be read to its end: rows of whole numbers, in the order of time. */
bool recording_check(const char *name);
bool recording_check_rows(native_recording *recording);

#endif
