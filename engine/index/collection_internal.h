/* What the files of collections share (private to engine/index). */
#ifndef CG_ENGINE_INDEX_COLLECTION_INTERNAL_H
#define CG_ENGINE_INDEX_COLLECTION_INTERNAL_H

#include "engine/index/collection.h"
#include "engine/index/segment_internal.h"

/* An attached segment. */
typedef struct cg_collection_part {
    cg_segment *segment;
    uint32_t *by_id; /* [rows] ascending by id */
    uint64_t *live;  /* [rows / 64] bits */
    uint32_t live_count;
} cg_collection_part;

/* What the last merge was made of. */
typedef struct cg_collection_pending {
    bool is_there;
    bool has_growing;
    uint64_t segments; /* bit i: parts[i] */
    uint64_t changes;
    uint64_t checksums[CG_SECTION_COUNT];
} cg_collection_pending;

struct cg_collection {
    cg_allocator allocator;
    cg_index_options options;
    cg_index *growing;
    cg_collection_part parts[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t part_count;
    uint64_t changes; /* so many calls changed what is held */
    cg_collection_pending pending;
};

struct cg_collection_filter {
    const cg_collection *collection;
    cg_allocator allocator;
    uint64_t changes; /* of the collection */
    cg_row_set *growing;
    cg_segment_rows parts[CG_COLLECTION_SEGMENTS_MAX];
    size_t words[CG_COLLECTION_SEGMENTS_MAX];
    uint32_t part_count;
};

struct cg_collection_scratch {
    cg_allocator allocator;
    cg_index_scratch *growing;
    cg_segment_scratch *segment;
    cg_index_hit *hits; /* [hit_capacity] the k best so far, then k of one part */
    size_t hit_capacity;
};

static inline size_t cg_collection_words(uint32_t rows) {
    return ((size_t)rows + 63) / 64;
}

static inline bool cg_collection_is_live(const cg_collection_part *part, uint32_t row) {
    return part->live[row / 64] >> (row % 64) & 1u;
}

/* The live row of an id, or CG_NO_ROW. */
uint32_t cg_collection_find(const cg_collection_part *part, uint64_t id);
/* A part of the segment, all rows live. Errors as cg_collection_attach, but CG_ERROR_EXISTS. */
cg_status cg_collection_part_init(const cg_collection *collection, cg_segment *segment,
                                  cg_collection_part *out, cg_error *error);
void cg_collection_part_deinit(const cg_collection *collection, cg_collection_part *part);

#endif
