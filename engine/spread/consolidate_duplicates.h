/* Near-duplicates: pairs of concepts proposed for merging (spec E6).
 *
 * A pair is proposed when both are of one type, hang below a common parent and are at least so
 * similar. What is similar to what is asked from an injected function, an index as a rule.
 * Nothing is merged here.
 */
#ifndef CG_ENGINE_SPREAD_CONSOLIDATE_DUPLICATES_H
#define CG_ENGINE_SPREAD_CONSOLIDATE_DUPLICATES_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

enum { CG_DUPLICATE_SIMILAR_MAX = 256, CG_DUPLICATE_PARENTS_MAX = 16 };

typedef struct cg_similar {
    uint32_t row;
    float similarity;
} cg_similar;

/* Rows most similar to `row`, at most `max`, in any order; itself may be among them. *count: how
 * many. What it returns other than CG_OK is handed on. */
typedef cg_status (*cg_similar_function)(void *context, uint32_t row, uint32_t max,
                                         cg_similar *similar, uint32_t *count, cg_error *error);

typedef struct cg_duplicate_query {
    const uint32_t
        *rows; /* [row_count] to look for duplicates of; any order, repeats are fine */
    uint32_t row_count;
    uint32_t similar_max; /* asked for each row, 1..CG_DUPLICATE_SIMILAR_MAX */
    float bound;          /* least similarity, -1..1 */
    uint32_t pairs_max;   /* at least 1: the most similar, of equals the least pair, come out */
    cg_similar_function similar;
    void *context;
} cg_duplicate_query;

typedef struct cg_duplicate {
    uint32_t row; /* < other */
    uint32_t other;
    float similarity; /* the greater, where each names the other */
} cg_duplicate;

/* pairs: cg_duplicate[pairs_max], by (row, other), each pair once. Rows that were removed are
 * passed over; of a concept's parents the first CG_DUPLICATE_PARENTS_MAX count. The order of the
 * rows does not matter. Takes 12 * row_count * similar_max bytes while it runs. Cost: row_count
 * calls of `similar`, and sorting what they gave. Errors, with pairs and *count untouched:
 * CG_ERROR_INVALID (options, a similarity that is NaN or more rows than asked for),
 * CG_ERROR_NOT_FOUND (a row that the graph lacks), CG_ERROR_MEMORY, and those of `similar`. */
cg_status cg_duplicates_find(const cg_graph *graph, const cg_duplicate_query *query,
                             cg_allocator allocator, cg_duplicate *pairs, uint32_t *count,
                             cg_error *error);

#endif
