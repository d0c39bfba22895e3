/* Bytes of graphs as an attacker writes them: changed at will, checksums made right again. */
#ifndef CG_TESTS_SUPPORT_GRAPH_FORGE_H
#define CG_TESTS_SUPPORT_GRAPH_FORGE_H

#include <string.h>

#include "engine/base/hash.h"

/* By the offsets that graph_file.h documents. */
enum {
    GRAPH_FORGE_HEADER_BYTES = 384,
    GRAPH_FORGE_HASHED_BYTES = 376,
    GRAPH_FORGE_SECTIONS = 10,
    GRAPH_FORGE_PLACES_AT = 48,
    GRAPH_FORGE_PLACE_BYTES = 24,
    GRAPH_FORGE_ALIGNMENT = 64
};

static inline uint64_t graph_forge_word(const uint8_t *at) {
    uint64_t word = 0;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Where the header says where the section begins, its size, and its checksum. */
static inline size_t graph_forge_place(uint32_t section) {
    return GRAPH_FORGE_PLACES_AT + (size_t)section * GRAPH_FORGE_PLACE_BYTES;
}

static inline uint64_t graph_forge_at(const uint8_t *bytes, uint32_t section) {
    return graph_forge_word(bytes + graph_forge_place(section));
}

static inline uint64_t graph_forge_size(const uint8_t *bytes, uint32_t section) {
    return graph_forge_word(bytes + graph_forge_place(section) + 8);
}

/* Sections that do not fit are left alone. */
static inline void graph_forge_seal(uint8_t *bytes, size_t size_bytes) {
    if (size_bytes < GRAPH_FORGE_HEADER_BYTES) {
        return;
    }
    for (uint32_t i = 0; i < GRAPH_FORGE_SECTIONS; i++) {
        uint64_t at = graph_forge_at(bytes, i);
        uint64_t size = graph_forge_size(bytes, i);
        if (at > size_bytes || size > size_bytes - at) {
            continue;
        }
        uint64_t padded =
            (size + GRAPH_FORGE_ALIGNMENT - 1) / GRAPH_FORGE_ALIGNMENT * GRAPH_FORGE_ALIGNMENT;
        if (padded > size_bytes - at) {
            continue;
        }
        uint64_t checksum = cg_hash_bytes(bytes + at, (size_t)padded, i + 1);
        memcpy(bytes + graph_forge_place(i) + 16, &checksum, sizeof checksum);
    }
    uint64_t checksum = cg_hash_bytes(bytes, GRAPH_FORGE_HASHED_BYTES, 0);
    memcpy(bytes + GRAPH_FORGE_HASHED_BYTES, &checksum, sizeof checksum);
}

#endif
