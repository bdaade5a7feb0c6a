/* recording.h: sample files of a dataset (docs/dataset.md), row by row. What is wrong with one is said on stderr. */
#ifndef NATIVE_RECORDING_H
#define NATIVE_RECORDING_H

#include <stdio.h>

#include "wp/types.h"

#define RECORDING_COLUMNS 3

typedef struct native_recording {
    const char *name;
    FILE *file;                    /* NULL: closed */
    int column[RECORDING_COLUMNS]; /* of t_ms, voltage_mv, current_ma */
    uint32_t line;                 /* read last, from 1 */
} native_recording;

typedef enum recording_row { ROW_READ, ROW_NONE, ROW_WRONG } recording_row;

/* Opens a file and reads its column names. False when it cannot. */
bool recording_open(native_recording *recording, const char *name);

/* The next sample; ROW_NONE behind the last. */
recording_row recording_read(native_recording *recording, wp_sample *sample);

void recording_close(native_recording *recording);

/* Whether the file at that path can be read to its end: rows of whole numbers, in the order of time. */
bool recording_check(const char *name);

#endif
