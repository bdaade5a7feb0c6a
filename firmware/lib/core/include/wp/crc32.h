/* wp/crc32.h: CRC-32 as zlib computes it (reflected, polynomial 0xEDB88320), from a 64-byte table. */
#ifndef WP_CRC32_H
#define WP_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues a CRC over n bytes; begin with crc = 0. Equal to zlib's crc32(crc, bytes, n). */
uint32_t wp_crc32(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
