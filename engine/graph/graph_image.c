/* The header of a graph's bytes: read and verified, with the checksums of the sections. */
#include "engine/graph/graph_image.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/hash.h"
#include "engine/graph/graph_layout.h"

static const char *const section_names[CG_IMAGE_SECTIONS] = {
    [CG_IMAGE_CONCEPTS] = "concepts",
    [CG_IMAGE_NAMES] = "names",
    [CG_IMAGE_ROW_STARTS] = "row starts",
    [CG_IMAGE_EDGES] = "edges",
    [CG_IMAGE_REMOVED] = "removed concepts",
    [CG_IMAGE_RELATIONS] = "relations",
    [CG_IMAGE_COLUMNS] = "properties",
    [CG_IMAGE_COLUMN_NAMES] = "names of properties",
    [CG_IMAGE_VALUES] = "values",
    [CG_IMAGE_TEXTS] = "texts",
};

const char *cg_image_section_name(uint32_t section) {
    return section_names[section];
}

static cg_status header_corrupt(cg_error *error, const char *what, size_t at) {
    return cg_error_set(error, CG_ERROR_CORRUPT, "the graph's header, at offset %zu: %s", at,
                        what);
}

static cg_status read_fields(const uint8_t *bytes, cg_image_header *out, cg_error *error) {
    cg_reader reader = cg_reader_init(bytes, CG_IMAGE_HEADER_HASHED);
    (void)cg_read_bytes(&reader, sizeof cg_image_magic + 2 * sizeof(uint32_t));
    out->size_bytes = cg_read_u64(&reader);
    out->rows = cg_read_u32(&reader);
    out->relations = cg_read_u32(&reader);
    out->edges = cg_read_u64(&reader);
    out->columns = cg_read_u32(&reader);
    if (cg_read_u32(&reader) != 0) {
        return header_corrupt(error, "not zero", reader.used_bytes);
    }
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        out->places[i].at = cg_read_u64(&reader);
        out->places[i].size_bytes = cg_read_u64(&reader);
        out->places[i].checksum = cg_read_u64(&reader);
    }
    for (size_t at = reader.used_bytes; at < CG_IMAGE_HEADER_HASHED; at++) {
        if (bytes[at] != 0) {
            return header_corrupt(error, "not zero", at);
        }
    }
    if (out->rows > UINT32_MAX - 1) {
        return header_corrupt(error, "more concepts than a graph holds", 24);
    }
    if (out->relations > CG_RELATIONS_MAX - CG_EDGE_TYPE_COUNT) {
        return header_corrupt(error, "more relations than a graph holds", 28);
    }
    if (out->columns > CG_PROPERTIES_MAX) {
        return header_corrupt(error, "more properties than a graph holds", 40);
    }
    return CG_OK;
}

/* What the header implies for a section's size, or UINT64_MAX: nothing. */
static uint64_t implied_bytes(const cg_image_header *header, uint32_t section) {
    const uint64_t rows = header->rows;
    switch (section) {
    case CG_IMAGE_CONCEPTS:
        return rows * CG_IMAGE_CONCEPT_BYTES;
    case CG_IMAGE_ROW_STARTS:
        return (rows + 1) * sizeof(uint64_t);
    case CG_IMAGE_EDGES:
        return header->edges > UINT64_MAX / sizeof(cg_edge) - 1
                   ? UINT64_MAX - 1 /* more than there can be */
                   : header->edges * sizeof(cg_edge);
    case CG_IMAGE_REMOVED:
        return header->places[section].size_bytes == 0
                   ? 0
                   : (rows + ROWS_A_WORD - 1) / ROWS_A_WORD * sizeof(uint64_t);
    case CG_IMAGE_COLUMNS:
        return header->columns * (uint64_t)CG_IMAGE_COLUMN_BYTES;
    default:
        return UINT64_MAX;
    }
}

static cg_status check_places(const cg_image_header *header, size_t size_bytes,
                              cg_error *error) {
    uint64_t at = CG_IMAGE_HEADER_BYTES;
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        const cg_image_place *place = &header->places[i];
        uint64_t implied = implied_bytes(header, i);
        if (place->at != at) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "section %u (%s) of the graph begins at offset %llu, not %llu",
                                i, section_names[i], (unsigned long long)place->at,
                                (unsigned long long)at);
        }
        if (implied != UINT64_MAX && place->size_bytes != implied) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "section %u (%s) of the graph, at offset %llu, has %llu bytes; "
                                "the header implies %llu",
                                i, section_names[i], (unsigned long long)at,
                                (unsigned long long)place->size_bytes,
                                (unsigned long long)implied);
        }
        /* `at` is at most the size, so no sum can wrap. */
        uint64_t left = size_bytes > at ? size_bytes - at : 0;
        if (place->size_bytes > left || cg_image_padded(place->size_bytes) > left) {
            return cg_error_set(
                error, CG_ERROR_CORRUPT,
                "section %u (%s) of the graph, at offset %llu, is cut off: %llu "
                "of %llu bytes are there",
                i, section_names[i], (unsigned long long)at, (unsigned long long)left,
                (unsigned long long)place->size_bytes);
        }
        at += cg_image_padded(place->size_bytes);
    }
    if (at != header->size_bytes || at != size_bytes) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the graph has %zu bytes, and its last section ends at offset %llu",
                            size_bytes, (unsigned long long)at);
    }
    return CG_OK;
}

static cg_status check_sections(const uint8_t *bytes, const cg_image_header *header,
                                cg_error *error) {
    for (uint32_t i = 0; i < CG_IMAGE_SECTIONS; i++) {
        const cg_image_place *place = &header->places[i];
        uint64_t end = cg_image_padded(place->size_bytes);
        for (uint64_t at = place->size_bytes; at < end; at++) {
            if (bytes[place->at + at] != 0) {
                return cg_error_set(error, CG_ERROR_CORRUPT,
                                    "section %u (%s) of the graph is filled up with other than "
                                    "zero at offset %llu",
                                    i, section_names[i], (unsigned long long)(place->at + at));
            }
        }
        if (cg_image_checksum(bytes, header, i) != header->places[i].checksum) {
            return cg_error_set(error, CG_ERROR_CORRUPT,
                                "section %u (%s) of the graph, at offset %llu, is altered: its "
                                "checksum does not match",
                                i, section_names[i], (unsigned long long)header->places[i].at);
        }
    }
    return CG_OK;
}

cg_status cg_image_header_read(const uint8_t *bytes, size_t size_bytes, cg_image_header *out,
                               cg_error *error) {
    if (size_bytes < CG_IMAGE_HEADER_BYTES) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the graph is cut off at offset %zu: the header alone has %d bytes",
                            size_bytes, CG_IMAGE_HEADER_BYTES);
    }
    if (memcmp(bytes, cg_image_magic, sizeof cg_image_magic) != 0) {
        return header_corrupt(error, "these bytes are no graph, they have another magic", 0);
    }
    cg_reader reader = cg_reader_init(bytes, CG_IMAGE_HEADER_BYTES);
    (void)cg_read_bytes(&reader, sizeof cg_image_magic);
    uint32_t version = cg_read_u32(&reader);
    uint32_t order = cg_read_u32(&reader);
    uint32_t native = 0;
    memcpy(&native, bytes + sizeof cg_image_magic + sizeof version, sizeof native);
    cg_reader tail = cg_reader_init(bytes + CG_IMAGE_HEADER_HASHED, sizeof(uint64_t));
    if (cg_read_u64(&tail) != cg_hash_bytes(bytes, CG_IMAGE_HEADER_HASHED, 0)) {
        return header_corrupt(error, "altered, its checksum does not match", 0);
    }
    if (version != CG_IMAGE_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "the graph is of version %u; this program reads version %d",
                            version, CG_IMAGE_VERSION);
    }
    if (order != CG_IMAGE_BYTE_ORDER || native != CG_IMAGE_BYTE_ORDER) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "the graph is little-endian; this machine cannot read it in place");
    }
    cg_image_header header = {0};
    cg_status status = read_fields(bytes, &header, error);
    if (status == CG_OK) {
        status = check_places(&header, size_bytes, error);
    }
    if (status == CG_OK) {
        status = check_sections(bytes, &header, error);
    }
    if (status == CG_OK) {
        *out = header;
    }
    return status;
}
