/* What the files of segments share (private to engine/index). */
#ifndef CG_ENGINE_INDEX_SEGMENT_INTERNAL_H
#define CG_ENGINE_INDEX_SEGMENT_INTERNAL_H

#include "engine/index/index_internal.h"
#include "engine/index/link_code.h"
#include "engine/index/segment.h"

enum {
    CG_SEGMENT_VERSION = 1,
    CG_SEGMENT_HEADER_BYTES = 512,
    CG_SEGMENT_HEADER_HASHED = 504,
    CG_SEGMENT_ALIGNMENT = 64,
    CG_SEGMENT_LEVELS_MAX = CG_HNSW_LEVEL_MAX + 1,
    CG_SEGMENT_LISTS_A_BASE = 64,
    CG_SEGMENT_GROUP_ROWS_MIN = 64, /* all but the last group: then a row's group is that of the
                                     * first row of its 64, or the next */
    CG_SEGMENT_GROUP_ROWS_MAX = 1024
};
#define CG_SEGMENT_BYTE_ORDER UINT32_C(0x01020304)

enum {
    CG_SECTION_CENTRE,
    CG_SECTION_CODES, /* + precision */
    CG_SECTION_BIASES = CG_SECTION_CODES + CG_PRECISION_COUNT,
    CG_SECTION_FACTORS,
    CG_SECTION_GROUP_FIRST,
    CG_SECTION_GROUP_CENTRES,
    CG_SECTION_IDS,
    CG_SECTION_LEVEL_ROWS,
    CG_SECTION_LIST_BASES,
    CG_SECTION_LIST_STARTS,
    CG_SECTION_LISTS,
    CG_SECTION_FULLER,
    CG_SECTION_COUNT
};

/* The header's fields. */
typedef struct cg_segment_header {
    cg_index_options options; /* codes, fuller: of the growing index */
    uint32_t fuller;          /* cg_precision, or CG_PRECISION_COUNT: none */
    uint32_t rows;
    uint32_t levels;
    uint32_t level_rows[CG_SEGMENT_LEVELS_MAX];
    uint32_t entry;
    uint32_t class_first[CG_PRECISION_COUNT + 1];
    uint32_t groups;
    float step;
    float weight_unit;
    float bias_unit;
    uint32_t id_bits;
    uint64_t id_base;
    uint64_t size_bytes;
    uint64_t section_bytes[CG_SECTION_COUNT];
    uint64_t checksums[CG_SECTION_COUNT];
} cg_segment_header;

struct cg_segment {
    cg_segment_header header;
    cg_allocator allocator;
    const cg_kernels *kernels;
    cg_codec codec;
    size_t row_bytes[CG_PRECISION_COUNT];
    bool is_fuller_checked;
    uint32_t only_class; /* precision of all rows, or CG_PRECISION_COUNT: they differ */
    const uint8_t *sections[CG_SECTION_COUNT];
    uint32_t *block_groups; /* [(1-bit rows + 63) / 64] group of each first row */
    size_t block_group_count;
};

/* A query against the rows of a segment. */
typedef struct cg_segment_probe {
    const float *vector; /* [padded dims] */
    const int8_t *code;  /* [code dims] */
    int32_t bias;
    float unit; /* of a score */
} cg_segment_probe;

/* What a query is to the 1-bit rows of a group. */
typedef struct cg_segment_group {
    uint32_t epoch; /* that of the search it was made for */
    float scale;    /* of its code */
    float offset;   /* |Q - c|^2; inner products: Q c */
} cg_segment_group;

struct cg_segment_scratch {
    cg_allocator allocator;
    uint64_t *keys; /* [key_capacity] of the candidates */
    size_t key_capacity;
    cg_visited visited;
    float *vectors; /* the query, padded, then its code; 64-byte aligned */
    size_t vectors_bytes;
    cg_segment_group *groups; /* [group_capacity] */
    size_t group_capacity;
    int8_t *group_codes; /* [group_codes_bytes] code dims for each group */
    size_t group_codes_bytes;
    uint32_t group_epoch;
    uint16_t epoch;
    uint32_t links[CG_LINK_CODE_LINKS_ROOM];
};

/* The entry point of a growing index with rows. */
static inline uint32_t cg_segment_entry_of(const cg_index *index) {
    return (uint32_t)(cg_index_view_of(index).entry >> CG_HNSW_ENTRY_LEVEL_BITS);
}

static inline uint64_t cg_segment_padded(uint64_t bytes) {
    return (bytes + CG_SEGMENT_ALIGNMENT - 1) / CG_SEGMENT_ALIGNMENT * CG_SEGMENT_ALIGNMENT;
}

static inline uint32_t cg_segment_class_rows(const cg_segment_header *header,
                                             uint32_t precision) {
    return header->class_first[precision + 1] - header->class_first[precision];
}

static inline uint32_t cg_segment_class_of(const cg_segment_header *header, uint32_t row) {
    uint32_t precision = 0;
    while (row >= header->class_first[precision + 1]) {
        precision++;
    }
    return precision;
}

static inline uint32_t cg_segment_class(const cg_segment *segment, uint32_t row) {
    return segment->only_class < CG_PRECISION_COUNT
               ? segment->only_class
               : cg_segment_class_of(&segment->header, row);
}

static inline const uint8_t *cg_segment_code(const cg_segment *segment, uint32_t precision,
                                             uint32_t row) {
    return segment->sections[CG_SECTION_CODES + precision] +
           (size_t)(row - segment->header.class_first[precision]) *
               segment->row_bytes[precision];
}

static inline const int32_t *cg_segment_biases(const cg_segment *segment) {
    return (const int32_t *)(const void *)segment->sections[CG_SECTION_BIASES];
}

/* weight, bias of a 1-bit row */
static inline const uint16_t *cg_segment_factors(const cg_segment *segment, uint32_t row) {
    const uint16_t *factors =
        (const uint16_t *)(const void *)segment->sections[CG_SECTION_FACTORS];
    return factors + (size_t)(row - segment->header.class_first[CG_PRECISION_I1]) * 2;
}

static inline uint32_t cg_segment_group_of(const cg_segment *segment, uint32_t row) {
    const cg_segment_header *header = &segment->header;
    const uint32_t *first =
        (const uint32_t *)(const void *)segment->sections[CG_SECTION_GROUP_FIRST];
    uint32_t group = segment->block_groups[(row - header->class_first[CG_PRECISION_I1]) / 64];
    return group + (group + 1 < header->groups && row >= first[group + 1]);
}

static inline const uint8_t *cg_segment_fuller(const cg_segment *segment, uint32_t row) {
    return segment->sections[CG_SECTION_FULLER] +
           (size_t)row * segment->row_bytes[segment->header.fuller];
}

/* segment_header.c */
/* Sizes of all sections but the lists from the other fields. */
void cg_segment_header_sizes(cg_segment_header *header);
uint64_t cg_segment_section_at(const cg_segment_header *header, uint32_t section);
/* Returns the checksum of a section of these bytes. */
uint64_t cg_segment_checksum(const uint8_t *bytes, const cg_segment_header *header,
                             uint32_t section);
/* bytes: uint8_t[CG_SEGMENT_HEADER_BYTES], zeroed */
void cg_segment_header_write(const cg_segment_header *header, uint8_t *bytes);
/* Whatever the bytes: fields are in their ranges, and the sections fill the bytes. */
cg_status cg_segment_header_read(const uint8_t *bytes, size_t size_bytes,
                                 cg_segment_header *out, cg_error *error);

/* The numbers of a segment within which a search cannot overflow. The name of a step or unit
 * outside of them, and its value; or NULL. */
const char *cg_segment_wrong_unit(const cg_segment_header *header, float *value);
/* The first axis on which a codec's centre is outside of them; dims: none. */
uint32_t cg_segment_wrong_axis(const float *centre, uint32_t dims);

/* segment_read.c: rows of level `level`, ascending; not for level 0 */
const uint32_t *cg_segment_level_rows(const cg_segment *segment, uint32_t level);
/* Where the list of a place begins in the lists. */
size_t cg_segment_list_at(const cg_segment *segment, uint32_t level, uint32_t place);
cg_link_code cg_segment_link_code(const cg_segment *segment, uint32_t level);
/* The fuller form's checksum, unless cg_segment_open verified it: for whoever copies rows, so
 * that altered bytes never get a checksum that says they are fine. Reads all of it. */
cg_status cg_segment_check_fuller(const cg_segment *segment, cg_error *error);

/* segment_check.c: what cg_segment_open verifies after the checksums. */
cg_status cg_segment_check_structure(const cg_segment *segment, cg_segment_check check,
                                     cg_error *error);

/* segment_codes.c: the codes of rows, as sections of an encoding. */
typedef struct cg_segment_source {
    const cg_index *index;
    const uint32_t *rows;    /* [header->rows] of the index, in the segment's order */
    const uint8_t *is_first; /* [header->rows] begins a community */
    const cg_codec *codec;
    const cg_allocator *allocator;
} cg_segment_source;
/* How many groups the 1-bit rows make. starts: uint32_t[that], or NULL. */
uint32_t cg_segment_group_rows(const cg_segment_source *source, const cg_segment_header *header,
                               uint32_t *starts);
/* Writes sections up to the group centres, and the fuller form; sets the units in the header.
 * sections: uint8_t *[CG_SECTION_COUNT], zeroed bytes. Error: CG_ERROR_MEMORY. */
cg_status cg_segment_write_codes(const cg_segment_source *source, cg_segment_header *header,
                                 uint8_t *const *sections, cg_error *error);

/* segment_score.c */
/* The scratch has room (cg_segment_scratch_reserve). */
cg_segment_probe cg_segment_probe_of(const cg_segment *segment, const cg_index_query *query,
                                     cg_segment_scratch *scratch);
/* Keys of the rows, in any order; count <= CG_INDEX_BLOCK_ROWS. */
void cg_segment_keys(const cg_segment *segment, const cg_segment_probe *probe,
                     cg_segment_scratch *scratch, const uint32_t *rows, uint32_t count,
                     uint64_t *keys, cg_work *work);
void cg_segment_prefetch(const cg_segment *segment, const uint32_t *rows, uint32_t count);
/* Orders keys of scores by the best form of each row, in place: keys of distances. */
void cg_segment_rerank(const cg_segment *segment, const cg_segment_probe *probe, uint64_t *keys,
                       uint32_t count, cg_work *work);
cg_status cg_segment_scratch_reserve(cg_segment_scratch *scratch, const cg_segment *segment,
                                     size_t keys, cg_error *error);

#endif
