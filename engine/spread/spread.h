/* Spreading activation from seeds over a knowledge graph, on one host (spec E2).
 *
 * Hop by hop, h = 1 .. max_hops, over every edge i -> j:
 *
 *   a_h(j) += a_(h-1)(i) * w_ij * exp(-lambda)
 *   answer(j) = min(1, a_0(j) + a_1(j) + ...)
 *
 * The decay is applied once a hop, to what the last hop brought. A concept whose a_(h-1) is
 * below the threshold passes nothing on. The answer saturates, what spreads does not.
 *
 * Activation is fixed-point: CG_SPREAD_ONE is 1.0. Sums are of integers, so an answer depends
 * on neither the order of edges or seeds nor on who adds first; it is the same to the bit
 * everywhere.
 */
#ifndef CG_ENGINE_SPREAD_SPREAD_H
#define CG_ENGINE_SPREAD_SPREAD_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/graph/graph.h"

#define CG_SPREAD_ONE (UINT64_C(1) << 44)
/* A level within the spread stays at this value, 262,144.0, when sums pass it. */
#define CG_SPREAD_LEVEL_MAX (UINT64_C(1) << 62)

enum { CG_SPREAD_HOPS_MAX = 64, CG_SPREAD_SEEDS_MAX = 65536 };

typedef struct cg_spread_seed {
    uint32_t row;
    double activation; /* (0, 1] */
} cg_spread_seed;

typedef struct cg_spread_query {
    const cg_spread_seed *seeds; /* [seed_count]; a row given twice has the sum */
    uint32_t seed_count;         /* 1..CG_SPREAD_SEEDS_MAX */
    uint32_t max_hops;           /* 1..CG_SPREAD_HOPS_MAX */
    double lambda;               /* 0..16; the decay of a hop is exp(-lambda) */
    double threshold;            /* 0..1 */
    bool fan_out;                /* divide what a concept passes on by its number of edges */
    uint32_t hits_max;           /* >= 1 */
} cg_spread_query;

/* Three hops, lambda 0.5, threshold 0.01, no fan-out normalisation, 32 hits; seeds are the
 * caller's. */
cg_spread_query cg_spread_query_default(void);

typedef struct cg_spread_hit {
    uint64_t activation; /* 1..CG_SPREAD_ONE */
    uint64_t strongest;  /* largest single contribution, unsaturated */
    uint32_t row;
    uint32_t predecessor; /* row that `strongest` came from; its own: a seed's activation */
    uint32_t hop;         /* in which that arrived; 0: a seed's activation */
    uint32_t first_hop;   /* in which the row was first reached */
} cg_spread_hit;

typedef struct cg_spread_result {
    /* By (activation descending, row); valid until the scratch is used again. */
    const cg_spread_hit *hits;
    uint32_t hit_count; /* <= hits_max */
    uint32_t reached;   /* rows with activation, seeds included */
    uint32_t hops;      /* hops in which something was passed on */
} cg_spread_result;

/* One for each thread that spreads. Grows to 4 bytes a row of the graph and 64 a row
 * reached. */
typedef struct cg_spread_scratch cg_spread_scratch;
cg_status cg_spread_scratch_alloc(cg_allocator allocator, cg_spread_scratch **out,
                                  cg_error *error);
void cg_spread_scratch_free(cg_spread_scratch *scratch); /* NULL is fine */

/* Cost: one CG_WORK_GRAPH_READ a concept that passes on, and one unit an edge of it. Among
 * equal contributions the strongest is that of the lowest hop, then of the lowest row. Errors:
 * CG_ERROR_INVALID, CG_ERROR_NOT_FOUND for a seed that is no concept, CG_ERROR_MEMORY; then the
 * scratch stays usable. */
cg_status cg_spread_run(const cg_graph *graph, const cg_spread_query *query,
                        cg_spread_scratch *scratch, cg_spread_result *result, cg_work *work,
                        cg_error *error);

#endif
