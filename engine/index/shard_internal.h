/* Private to engine/index: a divided index, and what its files share. */
#ifndef CG_ENGINE_INDEX_SHARD_INTERNAL_H
#define CG_ENGINE_INDEX_SHARD_INTERNAL_H

#include "engine/index/index_internal.h"
#include "engine/index/shard.h"

/* Rows of a shard are members[first[shard]] .. members[first[shard + 1] - 1], ascending; such a row is
 * number i of the shard's own index. */
struct cg_shards {
    cg_shards_options options;
    const cg_index *index;
    cg_allocator allocator;
    const cg_kernels *kernels;
    uint32_t rows;
    uint32_t *owners;  /* [rows] */
    uint32_t *first;   /* [shards + 1] */
    uint32_t *members; /* [rows] */
    uint32_t padded;   /* floats of a vector, zeros behind its dims */
    /* Sharded: */
    cg_index **parts; /* [shards] */
    float *centroids; /* [shards * options.centroids * padded], 64-byte aligned */
    /* Hybrid: */
    uint32_t *
        tops; /* [shards] the first row of the highest level, of each; CG_NO_ROW: it has none */
};

struct cg_shard_scratch {
    cg_allocator allocator;
    cg_index_scratch *index;
    float *distances; /* of centroids, or of shards */
    size_t distances_capacity;
    cg_index_hit *hits; /* of one shard, while others' are merged */
    size_t hits_capacity;
    cg_shard_route *route; /* of cg_shards_search_all */
};

/* shard_cluster.c: vectors in a table, row by row. */
typedef struct cg_cluster_table {
    const float *vectors; /* [count * padded], 64-byte aligned */
    uint32_t count;
    uint32_t padded;
} cg_cluster_table;
static inline size_t cg_cluster_bytes(uint32_t count, uint32_t padded) {
    return (size_t)count * padded * sizeof(float);
}
/* Centroids of k clusters, [k * padded]; k <= count. */
cg_status cg_cluster_centroids(const cg_cluster_table *table, uint32_t k, uint64_t seed,
                               const cg_runner *runner, const cg_allocator *allocator,
                               float *centroids, cg_error *error);
/* Divides the table among k centroids: owners[count]; none gets more than a sixteenth above its equal
 * share. */
cg_status cg_cluster_divide(const cg_cluster_table *table, const float *centroids, uint32_t k,
                            const cg_runner *runner, const cg_allocator *allocator,
                            uint32_t *owners, cg_error *error);

#endif
