/* The exact oracle (spec C6): the true nearest of many queries, which every figure of recall is
 * measured against.
 *
 * Blocked: a block of rows stays in the cache while a task's queries are compared with it, so
 * memory is read once for many queries and not once for each. Distances and their order are those of
 * an index of f32 codes (index.h), to the bit, on any number of workers.
 */
#ifndef CG_ENGINE_INDEX_ORACLE_H
#define CG_ENGINE_INDEX_ORACLE_H

#include "engine/index/index.h"

typedef struct cg_oracle_input {
    cg_metric metric;
    uint32_t dims;        /* 1..4096 */
    const float *vectors; /* [count * dims], finite */
    uint32_t count;       /* up to 2^31 - 1 */
    const float *queries; /* [query_count * dims], finite */
    uint32_t query_count;
    uint32_t k;                   /* >= 1 */
    const uint64_t *passing_bits; /* row r passes where bit r % 64 of word r / 64 is set; NULL:
                                   * all do */
} cg_oracle_input;

/* hits[query_count * k]: the k nearest of each query in ascending (distance, row), id = row;
 * what is missing where fewer rows pass has row UINT32_MAX and an infinite distance. Errors:
 * CG_ERROR_INVALID for k = 0 or dims out of range; CG_ERROR_MEMORY. */
cg_status cg_oracle_nearest(const cg_oracle_input *input, const cg_runner *runner,
                            cg_allocator allocator, cg_index_hit *hits, cg_error *error);

#endif
