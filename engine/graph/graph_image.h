/* What writing and reading a graph's bytes share; for engine/graph alone. The format is
 * graph_file.h's. */
#ifndef CG_ENGINE_GRAPH_GRAPH_IMAGE_H
#define CG_ENGINE_GRAPH_GRAPH_IMAGE_H

#include "engine/graph/graph_file.h"

enum {
    CG_IMAGE_VERSION = 1,
    CG_IMAGE_BYTE_ORDER = 0x01020304,
    CG_IMAGE_HEADER_BYTES = 384,
    CG_IMAGE_HEADER_HASHED = 376,
    CG_IMAGE_ALIGNMENT = 64,
    CG_IMAGE_CONCEPT_BYTES = 24,
    CG_IMAGE_COLUMN_BYTES = 16,
    CG_IMAGE_VALUE_BYTES = 16
};

enum cg_image_section {
    CG_IMAGE_CONCEPTS,
    CG_IMAGE_NAMES,
    CG_IMAGE_ROW_STARTS,
    CG_IMAGE_EDGES,
    CG_IMAGE_REMOVED,
    CG_IMAGE_RELATIONS,
    CG_IMAGE_COLUMNS,
    CG_IMAGE_COLUMN_NAMES,
    CG_IMAGE_VALUES,
    CG_IMAGE_TEXTS,
    CG_IMAGE_SECTIONS
};

typedef struct cg_image_place {
    uint64_t at;
    uint64_t size_bytes;
    uint64_t checksum;
} cg_image_place;

typedef struct cg_image_header {
    uint64_t size_bytes;
    uint32_t rows;
    uint32_t relations;
    uint64_t edges;
    uint32_t columns;
    cg_image_place places[CG_IMAGE_SECTIONS];
} cg_image_header;

extern const uint8_t cg_image_magic[8];

static inline uint64_t cg_image_padded(uint64_t size_bytes) {
    return (size_bytes + CG_IMAGE_ALIGNMENT - 1) / CG_IMAGE_ALIGNMENT * CG_IMAGE_ALIGNMENT;
}

uint64_t cg_image_checksum(const uint8_t *bytes, const cg_image_header *header,
                           uint32_t section);

/* The name of a section, for messages. */
const char *cg_image_section_name(uint32_t section);

/* The header in bytes[size_bytes], verified, and the checksums of all sections. */
cg_status cg_image_header_read(const uint8_t *bytes, size_t size_bytes, cg_image_header *out,
                               cg_error *error);

#endif
