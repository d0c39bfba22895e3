/* Moving rows between parts until the cut no longer falls (private to engine/graph/partition).
 *
 * Every row has a table of the weight of its arcs to each part it touches:
 *
 *   to(v, p) = sum of w(v, u) over arcs v -> u with u in p
 *   gain(v, p) = to(v, p) - to(v, part(v))        how much the cut falls when v goes to p
 *
 * A row with fewer arcs than there are parts lists the parts it touches; one with more has a place
 * for each part. A move changes two places in the table of each neighbour.
 *
 * Search (refine.c): Fiduccia & Mattheyses (DAC 1982) in the k-way, localised form of Sanders &
 * Schulz ("Engineering Multilevel Graph Partitioning Algorithms", ESA 2011, multi-try): a search
 * begins at one row of the boundary, moves the row of highest gain, whether that is positive or
 * not, then goes on among its neighbours; no row moves twice in a round. After so many moves
 * without a new best, what came after the best is taken back. Parts' limits always hold for the
 * part that gains a row. Gains in the queue are upper bounds; a row that comes out on top with
 * too high a one goes back in.
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_REFINE_H
#define CG_ENGINE_GRAPH_PARTITION_REFINE_H

#include "engine/base/prng.h"
#include "engine/graph/partition/cut_graph.h"
#include "engine/graph/partition/cut_queue.h"

typedef struct cg_refiner_slot {
    uint32_t part;
    uint32_t weight;
} cg_refiner_slot;

typedef struct cg_refiner_move {
    uint32_t row;
    uint32_t from;
} cg_refiner_move;

typedef struct cg_refiner {
    const cg_cut_graph *graph;
    uint32_t parts;
    const uint64_t *limits; /* [parts] */
    uint32_t *part_of;      /* [rows], the caller's */
    uint64_t *part_weights; /* [parts] */
    uint64_t *slot_starts;  /* [rows + 1] */
    cg_refiner_slot *slots; /* row's: slot_starts[row] .., min(degree, parts) of them */
    uint64_t slot_count;
    uint32_t *used;        /* [rows]: slots in use, or UINT32_MAX: slot i is part i */
    uint32_t *order;       /* [rows] scratch */
    uint32_t *round_moved; /* [rows]: the round in which it moved */
    uint32_t round;
    cg_refiner_move *moves; /* [rows] */
    uint32_t move_count;
    cg_cut_queue queue;
} cg_refiner;

/* part_of: < parts; limits: of the weights of a part's rows. Both are borrowed. */
cg_status cg_refiner_init(cg_refiner *refiner, const cg_cut_graph *graph, uint32_t parts,
                          const uint64_t *limits, uint32_t *part_of, cg_error *error);
void cg_refiner_deinit(cg_refiner *refiner);

uint32_t cg_refiner_to(const cg_refiner *refiner, uint32_t row, uint32_t part);
void cg_refiner_move_row(cg_refiner *refiner, uint32_t row, uint32_t part);
/* The part of highest gain that row fits into, among those it touches; among equals the one with
 * most room. False when there is none. */
bool cg_refiner_best(const cg_refiner *refiner, uint32_t row, uint32_t *part, int32_t *gain);

/* order[]: the rows that touch another part, shuffled. Returns how many. */
uint32_t cg_refiner_boundary(cg_refiner *refiner, cg_stream *stream);

/* Moves rows out of parts above their limits, the cheapest first, as far as they fit elsewhere.
 * Where all rows weigh 1, and the limits have room for all, none stays above. */
void cg_refiner_balance(cg_refiner *refiner);
/* The sum of what parts are above their limits. */
uint64_t cg_refiner_overload(const cg_refiner *refiner);

typedef struct cg_refiner_effort {
    uint32_t greedy_rounds; /* of single moves that gain, over all the boundary */
    uint32_t search_rounds; /* of searches */
    uint32_t patience;      /* moves of a search without a new best */
} cg_refiner_effort;
/* The cut never rises. */
void cg_refiner_improve(cg_refiner *refiner, const cg_refiner_effort *effort,
                        cg_stream *stream);

#endif
