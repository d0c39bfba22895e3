/* Consolidation: edges between concepts that were active together grow stronger (spec E6).
 *
 * A consolidator notes, spread by spread, the concepts that were active together, and sums for
 * each edge among them how much: the product of the activations of both ends. At a set time
 * cg_consolidate turns the sums into new weights. It changes no graph: the changes are returned,
 * and whoever owns the graph applies them (and logs them, so that replicas do the same).
 *
 *   S = sum over noted spreads of a_from * a_target,  c = 1 - exp(-eta * S)
 *   w' = w + c * (1 - w)
 *
 * w' is at most 1 whatever S. A weight has 8 bits, so S pays for whole steps of 1/256 alone, and
 * the rest of it waits for the next time: rare company counts too, and how often it is
 * consolidated does not change where a weight gets to.
 *
 * Memory is taken at the start and bounded. When one edge more than edges_max would have to be
 * remembered, those with the smallest sums go, half at least, and what the largest of them had is
 * taken from all: a sum never exceeds the truth, and falls short of it by at most the sum of all
 * products noted / (edges_max / 2 + 1).
 *
 * Deterministic: equal notes in equal order give equal changes. The order of the rows within a
 * note never matters; that of the notes between two consolidations only when edges are cut.
 * Sources: consolidate.c.
 */
#ifndef CG_ENGINE_SPREAD_CONSOLIDATE_H
#define CG_ENGINE_SPREAD_CONSOLIDATE_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/base/work.h"
#include "engine/graph/graph.h"

enum {
    CG_CONSOLIDATE_ACTIVE_MAX = 1024,
    CG_CONSOLIDATE_ROW_EDGES_MAX = 1 << 20,
    CG_CONSOLIDATE_EDGES_MAX = 1 << 26
};

typedef struct cg_consolidate_options {
    uint32_t active_max;    /* concepts of a spread that count, the most active ones, those
                             * below 2^-16 never; 2..CG_CONSOLIDATE_ACTIVE_MAX */
    uint32_t row_edges_max; /* edges of one concept that are looked at, the first in the graph's
                             * order; 1..CG_CONSOLIDATE_ROW_EDGES_MAX. So a note walks at most
                             * active_max * row_edges_max edges */
    uint32_t edges_max; /* edges remembered, 2..CG_CONSOLIDATE_EDGES_MAX; 44 to 52 bytes each */
    double
        eta; /* (0, 1]: the share of the way to 1 that one spread with both ends at 1 makes */
} cg_consolidate_options;
/* 32 concepts, 1024 edges each, 65536 edges remembered, eta 0.05. */
cg_consolidate_options cg_consolidate_options_default(void);

typedef struct cg_consolidator cg_consolidator;
/* Errors: CG_ERROR_INVALID, CG_ERROR_MEMORY. */
cg_status cg_consolidator_alloc(const cg_consolidate_options *options, cg_allocator allocator,
                                cg_consolidator **out, cg_error *error);
void cg_consolidator_free(cg_consolidator *consolidator); /* NULL is fine */

/* A concept that a spread reached: activation as in cg_spread_hit, CG_SPREAD_ONE is 1.0. */
typedef struct cg_active {
    uint32_t row;
    uint64_t activation; /* 0..CG_SPREAD_ONE */
} cg_active;

/* The concepts active together in one spread, in any order; beyond active_max the most active
 * count, of equals the least row. Errors, with nothing changed: CG_ERROR_NOT_FOUND (a row that
 * the graph lacks), CG_ERROR_INVALID (an activation above 1.0, a row twice among those that
 * count). Cost: one CG_WORK_GRAPH_READ a concept that counts, one unit an edge of it looked at
 * (work may be NULL); choosing the most active of many is O(count log active_max) on top. */
cg_status cg_consolidator_note(cg_consolidator *consolidator, const cg_graph *graph,
                               const cg_active *active, uint32_t count, cg_work *work,
                               cg_error *error);

/* edge: with the new weight, which is above the old. */
typedef struct cg_weight_change {
    uint32_t from;
    cg_edge edge;
} cg_weight_change;

typedef struct cg_consolidation {
    const cg_weight_change *changes; /* by (from, type, target); until the next call */
    uint32_t change_count;
    uint64_t spreads; /* noted since the last consolidation */
    uint32_t kept;    /* edges of which a sum, or a rest of it, waits for more */
    uint32_t gone; /* edges that the graph no longer has among the first row_edges_max of their
                       * concept, or that are at 1.0: forgotten */
} cg_consolidation;

/* Strengthens: what is due now. `graph` is as the changes will find it. It cannot fail. Cost: the
 * edges of the concepts remembered, counted as by cg_consolidator_note. */
void cg_consolidate(cg_consolidator *consolidator, const cg_graph *graph,
                    cg_consolidation *result, cg_work *work);

/* The rule alone: the weight that `weight` becomes by *sum, in units of CG_CONSOLIDATE_ONE (one
 * spread with both ends at 1.0), and the rest of it. */
#define CG_CONSOLIDATE_ONE (UINT64_C(1) << 32)
uint8_t cg_consolidate_weight(uint8_t weight, double eta, uint64_t *sum);

typedef struct cg_consolidator_statistics {
    uint64_t spreads;      /* ever noted */
    uint64_t edges_walked; /* ever, by notes */
    uint64_t edges_met;    /* of those: both ends were active */
    uint64_t edges_cut;    /* forgotten for want of room */
    uint64_t strengthened; /* changes ever returned */
    uint32_t edges_held;
} cg_consolidator_statistics;
cg_consolidator_statistics cg_consolidator_statistics_of(const cg_consolidator *consolidator);
/* Sum noted for an edge, in units of CG_CONSOLIDATE_ONE; 0 when it is not remembered. */
uint64_t cg_consolidator_sum(const cg_consolidator *consolidator, uint32_t from, uint32_t type,
                             uint32_t target);
uint64_t cg_consolidator_bytes(const cg_consolidator *consolidator); /* never changes */
uint64_t cg_consolidator_hash(const cg_consolidator *consolidator);  /* of the whole state */

#endif
