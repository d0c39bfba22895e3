/* Synthetic graphs: degrees by a power law, planted communities, any size, from a seed.
 *
 * The degree-corrected stochastic block model (Karrer & Newman, Phys. Rev. E 83, 016107, 2011)
 * with as many edges as asked for instead of a Poisson number, and with every block an expected-
 * degree graph (Chung & Lu, PNAS 99, 2002): concept i has a propensity theta_i; an edge draws
 * one end in proportion to theta over all concepts, then with probability `inside` the other
 * end likewise within the first one's community, otherwise over all other communities. So the
 * expected degree of i is theta_i (with unequal communities somewhat more in small ones and
 * less in large ones, as it must be where the share inside is the same for all). In every
 * community theta has the same quantiles: those of a power law cut off at both ends,
 * p(x) ~ x^-exponent on [least, degree_max], whose mean is `degree`. Community sizes are equal,
 * or quantiles of a power law of their own, as in LFR (Lancichinetti, Fortunato & Radicchi,
 * Phys. Rev. E 78, 046110, 2008).
 *
 * Each edge is a function of (seed, edge number), and a row's community one of (seed, row): a
 * permutation scatters communities and hubs over the rows. The generator therefore runs twice,
 * to count and to add, and holds nothing but the result.
 *
 * Several edges of the same ends merge into one, so the graph has somewhat fewer than asked
 * for; the default degree_max keeps that share small.
 */
#ifndef CG_ENGINE_GRAPH_SYNTHETIC_H
#define CG_ENGINE_GRAPH_SYNTHETIC_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

typedef struct cg_synthetic_options {
    uint32_t nodes;       /* 2..2^30 */
    uint32_t communities; /* 1..nodes / 2 */
    double degree;        /* mean edges out of a concept, > 0, at most nodes - 1 */
    double exponent;      /* of degrees, [1.5, 10]; 0: all expected degrees are the same */
    /* Greatest expected degree, [degree, nodes - 1]; 0: sqrt(degree * mean community size), at
     * least degree, so that no two concepts of a community expect more than one edge. */
    double degree_max;
    double inside;             /* share of edges within communities, [0, 1]; nothing with one */
    double community_exponent; /* of sizes, [1, 10]; 0: equal to within one */
    /* An edge goes one way, and a concept expects as many in as out; otherwise each comes with
     * the one back, of the same weight. */
    bool directed;
    bool weighted; /* weights drawn uniformly from the 256 there are; otherwise all 1.0 */
    uint64_t seed;
} cg_synthetic_options;

/* 100,000 concepts of degree 10, exponent 2.5, 100 equal communities with 0.8 inside,
 * undirected, weights 1.0, seed 1. */
cg_synthetic_options cg_synthetic_options_default(void);
/* CG_ERROR_INVALID naming the option, its value and its range. */
cg_status cg_synthetic_check(const cg_synthetic_options *options, cg_error *error);

typedef struct cg_synthetic cg_synthetic;

/* The generator: some 130 KB, and 4 bytes a community. Errors: those of cg_synthetic_check,
 * CG_ERROR_MEMORY. */
cg_status cg_synthetic_alloc(const cg_synthetic_options *options, cg_allocator allocator,
                             cg_synthetic **out, cg_error *error);
void cg_synthetic_free(cg_synthetic *synthetic); /* NULL is fine */

/* The planted community, 0..communities - 1, of a row < nodes; its size; and the row's
 * theta. */
uint32_t cg_synthetic_community(const cg_synthetic *synthetic, uint32_t row);
uint32_t cg_synthetic_community_size(const cg_synthetic *synthetic, uint32_t community);
double cg_synthetic_expected_degree(const cg_synthetic *synthetic, uint32_t row);

/* Edges drawn before merging: nodes * degree, rounded (undirected: to an even number). */
uint64_t cg_synthetic_edge_count(const cg_synthetic *synthetic);
/* Ends (rows, different ones) and weight of draw `number`; undirected, draw n is edges 2n and
 * 2n + 1. Draws: cg_synthetic_edge_count, or half of that. */
typedef struct cg_synthetic_edge {
    uint32_t from;
    uint32_t to;
    uint8_t weight;
} cg_synthetic_edge;
cg_synthetic_edge cg_synthetic_draw(const cg_synthetic *synthetic, uint64_t number);

/* What is built so far, in [0, 1]; false stops with CG_ERROR_INTERRUPTED. May be NULL. */
typedef bool (*cg_synthetic_progress)(void *context, double share);

typedef struct cg_synthetic_report {
    uint64_t drawn;      /* edges */
    uint64_t duplicates; /* of them merged; the greatest weight stays */
} cg_synthetic_report;

/* The frozen graph, from the generator's allocator: row i has id i + 1, type 0 and an empty name (a name would cost as much as
 * an edge); all edges are of one relation of the graph's own, "link". report may be NULL.
 * Errors: CG_ERROR_MEMORY, CG_ERROR_INTERRUPTED. */
cg_status cg_synthetic_graph(const cg_synthetic *synthetic, cg_synthetic_progress progress,
                             void *progress_context, cg_graph **out,
                             cg_synthetic_report *report, cg_error *error);

#endif
