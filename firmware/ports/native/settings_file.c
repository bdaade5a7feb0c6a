#define _XOPEN_SOURCE 700 /* pread, pwrite, fsync; without it -std=c11 hides them */

#include "settings_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES (WP_FLASH_PAGES * PORT_FLASH_BYTES)

/* A page goes to the disk whole: the file is as a flash whose power never fails within a page. */
static bool keep(const settings_file *file, uint8_t page)
{
    const ssize_t n = (ssize_t)PORT_FLASH_BYTES;
    return file->descriptor < 0 ||
           (pwrite(file->descriptor, file->pages[page], PORT_FLASH_BYTES, (off_t)page * n) == n &&
            fsync(file->descriptor) == 0);
}

bool settings_file_open(settings_file *file, const char *path)
{
    memset(file->pages, 0xFF, sizeof file->pages);
    file->descriptor = -1;
    if (path == NULL) {
        return true;
    }
    errno = 0;
    file->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file->descriptor < 0) {
        return false;
    }
    const off_t length = lseek(file->descriptor, 0, SEEK_END);
    if (length == 0) { /* new */
        return keep(file, 0) && keep(file, 1);
    }
    return length == (off_t)FILE_BYTES && pread(file->descriptor, file->pages, FILE_BYTES, 0) == (ssize_t)FILE_BYTES;
}

static bool fits(uint8_t page, size_t n)
{
    return page < WP_FLASH_PAGES && n <= PORT_FLASH_BYTES;
}

bool settings_file_read(const settings_file *file, uint8_t page, uint8_t *bytes, size_t n)
{
    if (!fits(page, n)) {
        return false;
    }
    memcpy(bytes, file->pages[page], n);
    return true;
}

bool settings_file_erase(settings_file *file, uint8_t page)
{
    if (!fits(page, 0)) {
        return false;
    }
    memset(file->pages[page], 0xFF, PORT_FLASH_BYTES);
    return keep(file, page);
}

bool settings_file_write(settings_file *file, uint8_t page, const uint8_t *bytes, size_t n)
{
    if (!fits(page, n)) {
        return false;
    }
    for (size_t k = 0; k < n; k++) { /* flash clears bits, and sets none */
        file->pages[page][k] = (uint8_t)(file->pages[page][k] & bytes[k]);
    }
    return keep(file, page);
}
