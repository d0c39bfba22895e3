/* Nearest-neighbour indexes behind one interface: the flat oracle and HNSW (spec C1, C2, C6).
 *
 * An index holds rows of `dims` floats. A hit names the row and its id: the id given with the
 * row when the index stores ids, otherwise computed: id_of(context, row) when the query has one,
 * else first_id + row. So ids need no storage, and one index can serve many images of itself.
 *
 * A query transform mirrors axes before the search (design.md, "Ten billion nodes"): sign flips
 * keep all distances, so searching a mirrored shard is searching its base with a flipped query.
 *
 * Distance: 1 - dot for CG_METRIC_COSINE (vectors of unit length) and
 * CG_METRIC_INNER_PRODUCT (any length), squared Euclidean for CG_METRIC_L2. Order: by (distance,
 * row); equal distances never make a result depend on how it was computed.
 *
 * Two forms of a vector. `codes` is what the graph is built and walked on: f32, f16, or 8-bit
 * codes (engine/vector/codec.h), whose distances are integers. `fuller` is what the nearest
 * found on codes are ordered by in the end; the same as `codes` means that there is none, and
 * distances are then those of the codes.
 *
 * HNSW follows Malkov & Yashunin, TPAMI 2018 (arXiv 1603.09320): level from a hash of the
 * shard-local id (never a draw), M links a node above level 0 and 2M at level 0, diversity
 * heuristic (their algorithm 4). Rows are added in batches that give the same graph, to the
 * byte, for any number of workers: each row of a batch searches the graph frozen before the
 * batch and the batch's lower rows, in parallel; then links are applied in row order
 * (batch-synchronous, after ParlayANN, Manohar et al., PPoPP 2024). Batch boundaries are a
 * function of the call's count, so they are part of the input. Every row can be reached from
 * every other along level 0, whatever the data (hnsw.h says how).
 *
 * Threads. An index with a capacity never moves its memory: then any number of threads may
 * search while one adds, without waiting. Each result holds only rows of whole batches, with
 * their true distances, and is exact when the width reaches all of them; which links a walk
 * meets meanwhile is up to the writer. Everything else that changes an index needs it alone,
 * and so does an addition that takes the places of removed rows.
 */
#ifndef CG_ENGINE_INDEX_INDEX_H
#define CG_ENGINE_INDEX_INDEX_H

#include "engine/base/memory.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/vector/codec.h"

typedef enum cg_index_kind { CG_INDEX_FLAT, CG_INDEX_HNSW } cg_index_kind;
typedef enum cg_metric { CG_METRIC_COSINE, CG_METRIC_L2, CG_METRIC_INNER_PRODUCT } cg_metric;

typedef struct cg_index_options {
    cg_index_kind kind;
    cg_metric metric;
    uint32_t dims;            /* 1..4096 */
    uint32_t m;               /* HNSW: 4..64, default 16 */
    uint32_t ef_construction; /* HNSW: m..1000, default 100 */
    uint64_t seed;            /* of the level hash */
    uint64_t first_id;        /* id of row 0; 0 when ids are stored */
    cg_precision codes;       /* F32 (default), F16 or I8; flat: F32 */
    cg_precision fuller;      /* F32 (default), F16, or the same as codes */
    bool has_ids;             /* ids are given and stored; wanted for removal and update */
    uint32_t capacity;        /* rows at most, in memory taken at once; 0: as needed */
} cg_index_options;

cg_index_options cg_index_options_default(cg_index_kind kind, uint32_t dims);

typedef struct cg_index cg_index;
typedef struct cg_index_scratch cg_index_scratch; /* one for each thread that searches */
typedef struct cg_row_set cg_row_set;

cg_status cg_index_alloc(const cg_index_options *options, cg_allocator allocator,
                         cg_index **out, cg_error *error);
void cg_index_free(cg_index *index); /* NULL is fine */

/* Vectors to add. */
typedef struct cg_index_rows {
    const float *vectors; /* [count * dims], copied */
    const uint64_t *ids;  /* [count] when ids are stored, else NULL */
    uint32_t count;
} cg_index_rows;

/* Learns centre and step of the 8-bit codes from a sample of what is to come; for an empty
 * index. Without it the first rows added are the sample. No effect on other codes. Errors: as
 * cg_index_add, and CG_ERROR_INVALID when the index is not empty or the sample is. */
cg_status cg_index_train(cg_index *index, const float *sample, uint32_t count, cg_error *error);

/* The codec of a trained index of the same dims, codes and metric, for an empty index. Error:
 * CG_ERROR_INVALID. */
cg_status cg_index_train_like(cg_index *index, const cg_index *trained, cg_error *error);

/* Errors: CG_ERROR_INVALID for NaN or infinity and, under cosine, for a squared length off 1 by
 * 0.001 or more, so also for a zero vector (the row is named), and for ids missing or not
 * wanted; CG_ERROR_EXISTS for an id that is held or comes twice; CG_ERROR_FULL beyond the
 * capacity, or 2^31 - 1 rows; CG_ERROR_MEMORY. On failure the index is unchanged. Work counts
 * are the same for any runner. Many rows a call are cheaper than many calls. */
cg_status cg_index_add(cg_index *index, const cg_index_rows *rows, const cg_runner *runner,
                       cg_work *work, cg_error *error);

/* Removes rows by id; needs stored ids. They are never found again. Their places in the graph
 * are given back by a repair, which happens here when a fifth of the graph's rows are removed
 * ones, or when cg_index_repair is called. Errors, with the index unchanged:
 * CG_ERROR_NOT_FOUND for an id that is not held or comes twice; CG_ERROR_INVALID without stored
 * ids; CG_ERROR_MEMORY. */
cg_status cg_index_remove(cg_index *index, const uint64_t *ids, uint32_t count,
                          const cg_runner *runner, cg_work *work, cg_error *error);

/* New vectors for ids that are held: an addition and a removal. Errors as for both. */
cg_status cg_index_update(cg_index *index, const cg_index_rows *rows, const cg_runner *runner,
                          cg_work *work, cg_error *error);

/* Takes the removed rows out of the graph: whoever linked to one keeps its other links and
 * chooses further ones among the links of all of them, those of the removed included (after Singh
 * et al., FreshDiskANN, 2021, algorithm 4; hnsw_repair.c says where we differ). The rows'
 * memory serves later additions. Cost: reads all links. Error: CG_ERROR_MEMORY, unchanged. */
cg_status cg_index_repair(cg_index *index, const cg_runner *runner, cg_work *work,
                          cg_error *error);

typedef uint64_t (*cg_index_id_of)(void *context, uint32_t row);

typedef struct cg_index_query {
    const float *vector; /* float[dims], finite; unit length for cosine */
    uint32_t k;          /* results wanted, >= 1 */
    uint32_t ef;         /* HNSW: width of the search at level 0; raised to k and rerank */
    uint32_t rerank;     /* how many are compared on the fuller form, at least k; 0: 2k + 10, or
                          * ef where that is less */
    const uint64_t *flip_bits; /* axes to mirror (cg_vector_flip), or NULL */
    const cg_row_set *rows;    /* only these may be found, or NULL: all */
    cg_index_id_of id_of;      /* or NULL: the stored id, or first_id + row */
    void *id_context;
} cg_index_query;

typedef struct cg_index_hit {
    uint64_t id;
    uint32_t row;
    float distance;
} cg_index_hit;

/* Fills hits[k] in ascending (distance, row) and *found <= k. HNSW with ef >= the rows in the
 * graph is exact on its codes; *found is less than k only where fewer rows may be found. Errors:
 * CG_ERROR_INVALID for k = 0, for a vector that cg_index_add would refuse, and for a row set of
 * another index or out of date; CG_ERROR_MEMORY, never once the scratch has met this index and width.
 * Thread-safe with a scratch for each thread. */
cg_status cg_index_search(const cg_index *index, const cg_index_query *query,
                          cg_index_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                          cg_work *work, cg_error *error);

cg_status cg_index_scratch_alloc(cg_allocator allocator, cg_index_scratch **out,
                                 cg_error *error);
void cg_index_scratch_free(cg_index_scratch *scratch);
uint64_t cg_index_scratch_bytes(const cg_index_scratch *scratch); /* memory held */

/* The rows whose ids pass a predicate, for filtered searches of this index as it is now: rows
 * added later do not pass, and once the place of a removed row has been given to another one the
 * set is out of date. A set costs a call of the predicate for each row, once. A search
 * with a set compares the passing rows one by one where they are few, and walks the graph where
 * they are many. */
typedef bool (*cg_id_predicate)(void *context, uint64_t id);
cg_status cg_row_set_alloc(const cg_index *index, cg_id_predicate passes, void *context,
                           cg_allocator allocator, cg_row_set **out, cg_error *error);
void cg_row_set_free(cg_row_set *set);
uint32_t cg_row_set_count(const cg_row_set *set);

uint32_t cg_index_count(const cg_index *index);       /* rows that can be found */
uint32_t cg_index_rows_in_use(const cg_index *index); /* and removed ones not yet repaired */
const cg_index_options *cg_index_options_of(const cg_index *index);
bool cg_index_has(const cg_index *index, uint64_t id); /* of stored ids */
/* The row in its fuller form. out: float[dims]. */
void cg_index_vector(const cg_index *index, uint32_t row, float *out);
uint64_t cg_index_hash(const cg_index *index); /* over ids, codes, levels, links, fuller form */
uint64_t cg_index_bytes(const cg_index *index); /* memory held */
/* Rows that can be reached from the entry point along level 0, removed ones not yet repaired
 * among them; equals cg_index_rows_in_use when all is well. 0 when the allocator is out of
 * memory. */
uint32_t cg_index_reachable(const cg_index *index, cg_allocator allocator);

#endif
