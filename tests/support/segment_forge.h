/* Segments as an attacker writes them: bytes changed at will, checksums made right again. */
#ifndef CG_TESTS_SUPPORT_SEGMENT_FORGE_H
#define CG_TESTS_SUPPORT_SEGMENT_FORGE_H

#include <string.h>

#include "engine/base/hash.h"

enum {
    FORGE_HEADER_BYTES = 512,
    FORGE_SECTIONS = 16,
    FORGE_SECTIONS_AT = 200,
    FORGE_HASHED_BYTES = 504,
    FORGE_ALIGNMENT = 64
};

/* By the offsets that segment.h documents. Sections that do not fit are left alone. */
static inline void forge_seal(uint8_t *bytes, size_t size_bytes) {
    if (size_bytes < FORGE_HEADER_BYTES) {
        return;
    }
    size_t at = FORGE_HEADER_BYTES;
    for (uint32_t i = 0; i < FORGE_SECTIONS; i++) {
        uint8_t *entry = bytes + FORGE_SECTIONS_AT + (size_t)i * 16;
        uint64_t section_bytes = 0;
        memcpy(&section_bytes, entry, sizeof section_bytes);
        if (section_bytes > size_bytes - at) {
            break;
        }
        size_t padded =
            ((size_t)section_bytes + FORGE_ALIGNMENT - 1) / FORGE_ALIGNMENT * FORGE_ALIGNMENT;
        if (padded > size_bytes - at) {
            break;
        }
        uint64_t checksum = cg_hash_bytes(bytes + at, padded, i + 1);
        memcpy(entry + 8, &checksum, sizeof checksum);
        at += padded;
    }
    uint64_t checksum = cg_hash_bytes(bytes, FORGE_HASHED_BYTES, 0);
    memcpy(bytes + FORGE_HASHED_BYTES, &checksum, sizeof checksum);
}

#endif
