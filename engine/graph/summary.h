/* What a graph is like: counts, relations, degrees and their power law, reciprocity, weakly
 * connected components, hierarchy, memory.
 */
#ifndef CG_ENGINE_GRAPH_SUMMARY_H
#define CG_ENGINE_GRAPH_SUMMARY_H

#include "engine/base/memory.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

typedef struct cg_degree_summary {
    uint32_t least;
    uint32_t tenth;  /* quantile 0.1: the least degree that so many rows don't exceed */
    uint32_t median; /* 0.5 */
    uint32_t ninth;  /* 0.9 */
    uint32_t p99;    /* 0.99 */
    uint32_t most;
    double mean;
    /* Power law p(x) ~ x^-exponent for x >= exponent_from, by Clauset, Shalizi & Newman, SIAM
     * Review 51, 2009: equation 3.7, and the lower end with the least Kolmogorov-Smirnov
     * distance among at most 256, of those that leave CG_EXPONENT_ROWS_MIN rows and two
     * different degrees. 0 when there is none. Whether there is such a law at all, an estimate
     * does not say. */
    double exponent;
    uint32_t exponent_from;
    uint32_t exponent_rows;   /* rows with such degrees */
    double exponent_distance; /* Kolmogorov-Smirnov */
} cg_degree_summary;

enum { CG_EXPONENT_ROWS_MIN = 50 };

typedef struct cg_relation_count {
    uint32_t type;
    uint64_t edges;
} cg_relation_count;

typedef struct cg_graph_summary {
    uint32_t concepts; /* without removed ones; all below are about these */
    uint64_t edges;
    cg_relation_count *relations; /* those with edges, by edges descending, then type */
    uint32_t relation_count;
    cg_degree_summary out; /* edges that leave */
    cg_degree_summary in;  /* edges that arrive */
    uint32_t isolated;     /* concepts without any edge */
    double weight_mean;    /* of edges; 0 without */
    /* Share of edges whose ends are also joined the other way, by an edge of any type. */
    double reciprocity;
    uint32_t components;     /* weakly connected */
    uint32_t component_most; /* concepts of the largest */
    /* Along hypernym edges of both kinds; 0 where there are none. A root has none itself but
     * one arrives. */
    uint32_t roots;
    uint32_t depth_most;
    uint64_t bytes; /* with those of all bases */
    uint64_t hash;  /* cg_graph_hash */
} cg_graph_summary;

/* On success the summary owns its array. Cost: a few passes over the edges, and a search in a
 * sorted row for each; 13 bytes a row, and for edges that are not frozen some 32 each. Error:
 * CG_ERROR_MEMORY. */
cg_status cg_graph_summarise(const cg_graph *graph, cg_allocator allocator,
                             cg_graph_summary *out, cg_error *error);
void cg_graph_summary_free(cg_graph_summary *summary, cg_allocator allocator);

/* Of degrees[count]; sorts them. For tests and other degrees. */
cg_degree_summary cg_degrees_summarise(uint32_t *degrees, uint32_t count);

#endif
