/* Nearest-neighbour indexes behind one interface: the flat oracle and HNSW (spec C1, C2, C6).
 *
 * An index holds rows 0, 1, 2 ... of `dims` floats, in the order added. A hit names the row and
 * its id, which is computed: id_of(context, row) when the query has one, otherwise
 * first_id + row. So ids need no storage, and one index can serve many images of itself.
 *
 * A query transform mirrors axes before the search (design.md, "Ten billion nodes"): sign flips
 * keep all distances, so searching a mirrored shard is searching its base with a flipped query.
 *
 * Distance: 1 - dot for CG_METRIC_COSINE (vectors of unit length), squared Euclidean for
 * CG_METRIC_L2. Order: by (distance, row); equal distances never make a result depend on how it
 * was computed.
 *
 * HNSW follows Malkov & Yashunin, TPAMI 2018 (arXiv 1603.09320): level from a hash of the row
 * (never a draw), M links a node above level 0 and 2M at level 0, diversity heuristic (their
 * algorithm 4). Rows are added in batches that give the same graph, to the byte, for any number
 * of workers: each row of a batch searches the graph frozen before the batch and the batch's
 * lower rows, in parallel; then links are applied in row order (batch-synchronous, after
 * ParlayANN, Manohar et al., PPoPP 2024). Batch boundaries are a function of the row count at
 * the time of the call, and of the call's count, so they are part of the input. Every row can
 * be reached from every other along level 0, whatever the data (hnsw.h says how).
 */
#ifndef CG_ENGINE_INDEX_INDEX_H
#define CG_ENGINE_INDEX_INDEX_H

#include "engine/base/memory.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/base/work.h"

typedef enum cg_index_kind { CG_INDEX_FLAT, CG_INDEX_HNSW } cg_index_kind;
typedef enum cg_metric { CG_METRIC_COSINE, CG_METRIC_L2 } cg_metric;

typedef struct cg_index_options {
    cg_index_kind kind;
    cg_metric metric;
    uint32_t dims;            /* 16..1024, a multiple of 16 */
    uint32_t m;               /* HNSW: 4..64, default 16 */
    uint32_t ef_construction; /* HNSW: m..1000, default 100 */
    uint64_t seed;            /* of the level hash */
    uint64_t first_id;        /* id of row 0 */
} cg_index_options;

cg_index_options cg_index_options_default(cg_index_kind kind, uint32_t dims);

typedef uint64_t (*cg_index_id_of)(void *context, uint32_t row);

typedef struct cg_index_query {
    const float *vector; /* float[dims], finite; unit length for cosine */
    uint32_t k;          /* results wanted, >= 1 */
    uint32_t ef;         /* HNSW: width of the search at level 0; raised to k when smaller */
    const uint64_t *flip_bits; /* axes to mirror (cg_vector_flip), or NULL */
    cg_index_id_of id_of;      /* or NULL: first_id + row */
    void *id_context;
} cg_index_query;

typedef struct cg_index_hit {
    uint64_t id;
    uint32_t row;
    float distance;
} cg_index_hit;

typedef struct cg_index cg_index;
typedef struct cg_index_scratch cg_index_scratch; /* one for each thread that searches */

cg_status cg_index_alloc(const cg_index_options *options, cg_allocator allocator,
                         cg_index **out, cg_error *error);
void cg_index_free(cg_index *index); /* NULL is fine */

/* Adds rows vectors[count * dims] (copied). Errors: CG_ERROR_INVALID for NaN or infinity and,
 * under cosine, for a squared length off 1 by 0.001 or more, so also for a zero vector (the row
 * is named); CG_ERROR_FULL beyond 2^31 - 1 rows; CG_ERROR_MEMORY. On failure the index is
 * unchanged. Work counts are the same for any runner. Not to be called while others search.
 * Memory for a call's search marks is in proportion to rows * workers, so many rows a call are
 * cheaper than many calls. */
cg_status cg_index_add(cg_index *index, const float *vectors, uint32_t count,
                       const cg_runner *runner, cg_work *work, cg_error *error);

/* Fills hits[k] in ascending (distance, row) and *found <= k. HNSW with ef >= cg_index_count is
 * exact. Errors: CG_ERROR_INVALID for k = 0 and for a vector that cg_index_add would refuse;
 * CG_ERROR_MEMORY, never once the scratch has met this index and width. Thread-safe with a
 * scratch for each thread. */
cg_status cg_index_search(const cg_index *index, const cg_index_query *query,
                          cg_index_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                          cg_work *work, cg_error *error);

cg_status cg_index_scratch_alloc(cg_allocator allocator, cg_index_scratch **out,
                                 cg_error *error);
void cg_index_scratch_free(cg_index_scratch *scratch);
uint64_t cg_index_scratch_bytes(const cg_index_scratch *scratch); /* memory held */

uint32_t cg_index_count(const cg_index *index);
const cg_index_options *cg_index_options_of(const cg_index *index);
/* Borrowed until the next add. */
const float *cg_index_vector(const cg_index *index, uint32_t row);
uint64_t cg_index_hash(const cg_index *index);  /* over levels, links and vectors */
uint64_t cg_index_bytes(const cg_index *index); /* memory held */
/* Rows that can be reached from the entry point along level 0; equals cg_index_count when all
 * is well. 0 when the allocator is out of memory. */
uint32_t cg_index_reachable(const cg_index *index, cg_allocator allocator);

#endif
