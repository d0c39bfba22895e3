/* An index that is divided over hosts (spec C7, F2): one shard a host, and on every host what it takes
 * to know whom to ask.
 *
 *   sharded  the rows are cut into regions: each shard has an HNSW graph of its own over its rows. Every
 *            host knows a few centroids of each shard; a query asks the shards by the distance to their
 *            nearest centroid, and how many it asks depends on the query (cg_shards_route)
 *   hybrid   one graph over all rows: its upper levels are everywhere, and of level 0 each host has the
 *            links and codes of its own rows. A query descends the upper levels where it arrives; the
 *            rows of level 1 that it finds name the shards, and are where these begin
 *
 * Rows are told apart by a balanced k-means of their vectors (shard_cluster.c), or as the caller says.
 * What is here is built once and shared by all hosts of a process; the bytes that each would hold by
 * itself are accounted for (cg_shards_host_bytes). Distances are those of the index's metric; everything
 * is a function of index and options, for any number of workers.
 */
#ifndef CG_ENGINE_INDEX_SHARD_H
#define CG_ENGINE_INDEX_SHARD_H

#include "engine/base/parallel.h"
#include "engine/index/index.h"

typedef enum cg_distribution {
    CG_DISTRIBUTION_REPLICATED, /* every host has the whole index: no shards */
    CG_DISTRIBUTION_SHARDED,
    CG_DISTRIBUTION_HYBRID,
    CG_DISTRIBUTION_COUNT
} cg_distribution;
const char *cg_distribution_name(cg_distribution distribution); /* "replicated" */

enum {
    CG_SHARDS_MAX = 1024,
    CG_SHARD_CENTROIDS_MAX = 64, /* of one shard */
    CG_SHARD_ENTRIES_MAX = 1024, /* that a query begins at */
    CG_SHARD_K_MAX = 1024
};

typedef struct cg_shards_options {
    cg_distribution distribution; /* SHARDED or HYBRID */
    uint32_t shards;              /* 1..CG_SHARDS_MAX, at most the rows */
    uint32_t centroids;           /* sharded: of each shard, 1..CG_SHARD_CENTROIDS_MAX; 8 */
    const uint32_t
        *owners; /* uint32_t[rows] below shards, only read by the build; NULL: by k-means */
    uint64_t seed;
    /* The vector of a row, float[dims], only asked for by the build; NULL: what the index holds in its
     * fuller form (8-bit codes are not of unit length, and take no cosine index to build again). */
    const float *(*vector)(void *context, uint32_t row);
    void *vector_context;
} cg_shards_options;
cg_shards_options cg_shards_options_default(cg_distribution distribution, uint32_t shards);

typedef struct cg_shards cg_shards;

/* Divides an HNSW index without stored ids, which outlives the shards and does not change. Errors:
 * CG_ERROR_INVALID (options, an index with ids, a flat or an empty one), CG_ERROR_MEMORY. Cost: k-means
 * is linear in rows * shards * dims; sharded builds the index again, in parts. */
cg_status cg_shards_build(const cg_shards_options *options, const cg_index *index,
                          const cg_runner *runner, cg_allocator allocator, cg_shards **out,
                          cg_error *error);
void cg_shards_free(cg_shards *shards); /* NULL is fine */

/* What a query goes by. */
typedef struct cg_shard_query {
    const float *vector; /* float[dims], as cg_index_query has it */
    uint32_t k;          /* 1..CG_SHARD_K_MAX */
    uint32_t ef;         /* width in each shard; raised to k */
    uint32_t entries; /* hybrid: rows of level 1 that it begins at, 1..CG_SHARD_ENTRIES_MAX */
    /* How far it looks: shards are asked in ascending order of their distance, and the last one is not
     * farther than 1 + slack times the nearest; >= 0, CG_SHARD_SLACK_ALL: all. Sharded: the distance
     * of the nearest centroid, squared Euclidean; hybrid: that of the nearest entry. For 95% of the 10
     * nearest of 10,000 glosses in 16 shards it takes 0.15 sharded and 0.4 hybrid. */
    double slack;
} cg_shard_query;
#define CG_SHARD_SLACK_ALL 1e9

/* Whom to ask. */
typedef struct cg_shard_route {
    uint32_t shards[CG_SHARDS_MAX];             /* by (distance, shard), the nearest first */
    uint32_t count;                             /* at least 1 */
    cg_index_hit entries[CG_SHARD_ENTRIES_MAX]; /* hybrid: by (distance, row) */
    uint32_t entry_count;
} cg_shard_route;

/* One for each thread. */
typedef struct cg_shard_scratch cg_shard_scratch;
cg_status cg_shard_scratch_alloc(cg_allocator allocator, cg_shard_scratch **out,
                                 cg_error *error);
void cg_shard_scratch_free(cg_shard_scratch *scratch);
uint64_t cg_shard_scratch_bytes(const cg_shard_scratch *scratch); /* memory held */

/* What any host does by itself. Errors: CG_ERROR_INVALID for a query out of range or a vector that
 * cg_index_add would refuse; CG_ERROR_MEMORY. */
cg_status cg_shards_route(const cg_shards *shards, const cg_shard_query *query,
                          cg_shard_scratch *scratch, cg_shard_route *route, cg_work *work,
                          cg_error *error);

/* What the host of a shard does: its nearest rows, as rows of the whole index, ascending by
 * (distance, row). hits[k]. entries: hybrid: rows to begin at; those that are not the shard's, or no
 * rows at all, are passed over, and without any it begins at the shard's first row of the highest
 * level. Errors as cg_shards_route, and CG_ERROR_INVALID for a shard that does not exist. */
typedef struct cg_shard_entries {
    const uint32_t *rows;
    uint32_t count;
} cg_shard_entries;
cg_status cg_shards_search(const cg_shards *shards, uint32_t shard, const cg_shard_query *query,
                           cg_shard_entries entries, cg_shard_scratch *scratch,
                           cg_index_hit *hits, uint32_t *found, cg_work *work, cg_error *error);

/* Route, search and merge: all hosts at once, for tests and measurements. asked: how many shards; may
 * be NULL. */
cg_status cg_shards_search_all(const cg_shards *shards, const cg_shard_query *query,
                               cg_shard_scratch *scratch, cg_index_hit *hits, uint32_t *found,
                               uint32_t *asked, cg_work *work, cg_error *error);

/* Merges `count` hits, ascending, into held[*held_count], ascending, of at most k: the nearest of both
 * by (distance, row), each row once. */
void cg_shard_hits_merge(cg_index_hit *held, uint32_t *held_count, uint32_t k,
                         const cg_index_hit *hits, uint32_t count);

const cg_shards_options *
cg_shards_options_of(const cg_shards *shards);            /* without what it borrowed */
const cg_index *cg_shards_index(const cg_shards *shards); /* that was divided */
uint32_t cg_shards_owner(const cg_shards *shards, uint32_t row);
uint32_t cg_shards_rows(const cg_shards *shards, uint32_t shard); /* how many it has */
uint64_t cg_shards_hash(const cg_shards *shards);  /* of all that a search depends on */
uint64_t cg_shards_bytes(const cg_shards *shards); /* memory held, without the index */
/* What the index takes on the host of a shard that holds nothing but its part: codes, links and what
 * else belongs to its rows, and what every host has (centroids, owners; or upper levels). */
uint64_t cg_shards_host_bytes(const cg_shards *shards, uint32_t shard);
/* The same of an index that every host has whole. */
uint64_t cg_shards_replicated_bytes(const cg_index *index);

#endif
