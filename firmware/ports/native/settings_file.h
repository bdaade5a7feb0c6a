/* settings_file.h: the native board's flash: two pages in a file, or in memory alone. POSIX only. */
#ifndef NATIVE_SETTINGS_FILE_H
#define NATIVE_SETTINGS_FILE_H

#include "port.h"

typedef struct settings_file {
    int descriptor; /* -1: memory alone */
    uint8_t pages[WP_FLASH_PAGES][PORT_FLASH_BYTES];
} settings_file;

/* Opens or makes the file; NULL: none. False, and errno (0: another length), when it is none of this kind. */
bool settings_file_open(settings_file *file, const char *path);

bool settings_file_read(const settings_file *file, uint8_t page, uint8_t *bytes, size_t n);
bool settings_file_erase(settings_file *file, uint8_t page);
bool settings_file_write(settings_file *file, uint8_t page, const uint8_t *bytes, size_t n);

#endif
