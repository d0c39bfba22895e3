/* A collection of vectors by id: one growing index and frozen segments, searched together
 * (spec C1, C6).
 *
 * New vectors go into the growing index. Freezing gives its content as the bytes of a segment;
 * merging gives that of some segments, and of the growing index, without what was removed. The
 * caller stores the bytes, opens them where they are to be searched (mapped from a file, say),
 * and puts the opened segment in the place of the parts that it was made from:
 *
 *   cg_collection_merge -> bytes -> store, map -> cg_segment_open -> cg_collection_replace
 *
 * Segments are borrowed: they, and their bytes, stay the caller's and must stay as long as they
 * are attached. What is removed from a segment is marked here and vanishes with the next merge;
 * the marks are not in the bytes. An id is held by one part at most: the growing one when an
 * update brought it there.
 *
 * Not thread-safe, but for searches with a scratch each while nothing changes.
 */
#ifndef CG_ENGINE_INDEX_COLLECTION_H
#define CG_ENGINE_INDEX_COLLECTION_H

#include "engine/index/index.h"
#include "engine/index/segment.h"

enum { CG_COLLECTION_SEGMENTS_MAX = 64 };

typedef struct cg_collection cg_collection;
typedef struct cg_collection_scratch cg_collection_scratch;
typedef struct cg_collection_filter cg_collection_filter;

/* options: of the growing index, HNSW with stored ids. */
cg_status cg_collection_alloc(const cg_index_options *options, cg_allocator allocator,
                              cg_collection **out, cg_error *error);
void cg_collection_free(cg_collection *collection); /* NULL is fine; segments stay open */

/* As cg_index_add, _remove and _update, over all parts; on failure what is held is as it was. */
cg_status cg_collection_add(cg_collection *collection, const cg_index_rows *rows,
                            const cg_runner *runner, cg_work *work, cg_error *error);
cg_status cg_collection_remove(cg_collection *collection, const uint64_t *ids, uint32_t count,
                               const cg_runner *runner, cg_work *work, cg_error *error);
cg_status cg_collection_update(cg_collection *collection, const cg_index_rows *rows,
                               const cg_runner *runner, cg_work *work, cg_error *error);

/* Another part, whole: none of its ids may be held yet. Memory: 4 bytes a row. Errors:
 * CG_ERROR_INVALID for other dims or another metric, or ids that were not stored;
 * CG_ERROR_EXISTS; CG_ERROR_CORRUPT for an id that comes twice; CG_ERROR_FULL beyond 64
 * segments; CG_ERROR_MEMORY. */
cg_status cg_collection_attach(cg_collection *collection, cg_segment *segment, cg_error *error);

typedef struct cg_collection_merge_options {
    cg_freeze_options form; /* its importance is NULL */
    /* of each vector, in [0, 1], for codes by importance; or NULL: form.codes */
    float (*importance_of)(void *context, uint64_t id);
    void *importance_context;
    cg_segment *const *segments; /* [segment_count] to merge, attached; NULL: all */
    uint32_t segment_count;
    bool has_growing; /* the growing index, too. Alone with no segments: freezing it */
} cg_collection_merge_options;

/* The live rows of the chosen parts as the bytes of one segment; the collection stays as it
 * is, but that removed rows of the growing index are repaired. The largest segment is thawed
 * and rid of what was removed; the live rows of the others are added in their best form, as it
 * is. Under cosine, only what cg_index_add would refuse for its length is normalised first, and
 * a row so near the codec's zero that its code says nothing else (4 bits, say) becomes the unit
 * vector of the first axis. Errors: CG_ERROR_NOT_FOUND for a segment that is not attached;
 * CG_ERROR_CORRUPT for one whose fuller form is altered, or with a row that is not finite; as
 * cg_segment_thaw and cg_segment_encode. */
cg_status cg_collection_merge(cg_collection *collection,
                              const cg_collection_merge_options *options,
                              const cg_runner *runner, uint8_t **bytes, size_t *size_bytes,
                              cg_error *error);

/* `segment`, opened from the bytes of the last merge, in place of what was merged; the growing
 * index is then empty, if it was among it. detached: [CG_COLLECTION_SEGMENTS_MAX], the segments
 * that may be closed, *detached_count of them. Errors, with nothing changed: CG_ERROR_INVALID
 * when the collection changed since the merge, or for another segment; CG_ERROR_MEMORY. */
cg_status cg_collection_replace(cg_collection *collection, cg_segment *segment,
                                cg_segment **detached, uint32_t *detached_count,
                                cg_error *error);

/* The ids that pass a predicate, for searches of the collection as it is now. */
cg_status cg_collection_filter_alloc(const cg_collection *collection, cg_id_predicate passes,
                                     void *context, cg_allocator allocator,
                                     cg_collection_filter **out, cg_error *error);
void cg_collection_filter_free(cg_collection_filter *filter);

typedef struct cg_collection_query {
    cg_index_query index;               /* its rows and id_of are NULL */
    const cg_collection_filter *filter; /* or NULL */
} cg_collection_query;

/* As cg_index_search, over all parts. Hits come by (distance, id). Of vectors equally far at the
 * k-th place, each part offers those of its lowest rows, and of what is offered the lowest ids
 * stay: which ones are found may change when parts are merged. A hit's row is that of its part.
 * Each part is searched with ef and rerank as given. Errors also: CG_ERROR_INVALID for a filter made before the last change. */
cg_status cg_collection_search(const cg_collection *collection,
                               const cg_collection_query *query, cg_collection_scratch *scratch,
                               cg_index_hit *hits, uint32_t *found, cg_work *work,
                               cg_error *error);
cg_status cg_collection_scratch_alloc(cg_allocator allocator, cg_collection_scratch **out,
                                      cg_error *error);
void cg_collection_scratch_free(cg_collection_scratch *scratch);

uint64_t cg_collection_count(const cg_collection *collection);
bool cg_collection_has(const cg_collection *collection, uint64_t id);
const cg_index *cg_collection_growing(const cg_collection *collection);
uint32_t cg_collection_segment_count(const cg_collection *collection);
/* Memory held, the segments' own bytes apart. */
uint64_t cg_collection_bytes(const cg_collection *collection);

#endif
