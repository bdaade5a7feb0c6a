/* wp/flash.h: two pages of flash for settings. A board's port implements it; a test simulates it, power cuts included. */
#ifndef WP_FLASH_H
#define WP_FLASH_H

#include "wp/types.h"

#define WP_FLASH_PAGES 2u

typedef struct wp_flash {
    void *context;

    /* The first n bytes of a page, 0 or 1; what was never written since it was erased reads as 0xFF. False: it cannot be
     * read. */
    bool (*read)(void *context, uint8_t page, uint8_t *bytes, size_t n);

    /* Erases a page and leaves the other alone. */
    bool (*erase)(void *context, uint8_t page);

    /* Writes n bytes, a multiple of 4, to the beginning of an erased page. */
    bool (*write)(void *context, uint8_t page, const uint8_t *bytes, size_t n);
} wp_flash;

#endif
