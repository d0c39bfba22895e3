/* A graph over vectors: each row linked to its k nearest.
 *
 * Row i of the file is concept row i, with id i + 1, type 0 and an empty name. Its edges, of one relation of the
 * graph's own, "near", lead to the k nearest other rows, ties by row: exactly, where there are
 * at most exact_rows_max rows, otherwise as an HNSW index finds them. The weight falls with
 * distance D (squared Euclidean, or 1 - cosine):
 *
 *     w = 1 / (1 + D / S),   S = the mean D of a row's k-th neighbour
 *
 * the kernel of t-SNE (van der Maaten & Hinton, JMLR 9, 2008) at the data's own scale: 1 for
 * equal vectors, about 1/2 at the far end of a neighbourhood; the same in both directions. S = 0
 * (all equal) gives 1. The same bytes for any runner.
 */
#ifndef CG_ENGINE_NODE_NEIGHBOUR_GRAPH_H
#define CG_ENGINE_NODE_NEIGHBOUR_GRAPH_H

#include "engine/base/memory.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"
#include "engine/index/index.h"
#include "engine/vector/vector_file.h"

typedef struct cg_neighbour_options {
    uint32_t neighbours; /* k: 1..1000, below the rows */
    cg_metric metric;    /* CG_METRIC_L2 or CG_METRIC_COSINE */
    bool inverse;        /* each edge comes with the one back, of the same weight */
    uint32_t exact_rows_max;
    uint32_t m; /* of the index, as cg_index_options */
    uint32_t ef_construction;
    uint32_t ef;
    uint64_t seed;
} cg_neighbour_options;

/* 10 neighbours by L2, one way; exact up to 4,096 rows; m 16, ef_construction 100, ef 100, seed 1. */
cg_neighbour_options cg_neighbour_options_default(void);

typedef struct cg_neighbour_report {
    uint64_t duplicates; /* mutual neighbours, merged, when edges come both ways */
    double scale;        /* S */
} cg_neighbour_report;

/* The share that is done; false stops with CG_ERROR_INTERRUPTED. May be NULL. */
typedef bool (*cg_neighbour_progress)(void *context, double share);

typedef struct cg_neighbour_build {
    const cg_runner *runner;
    cg_neighbour_progress progress;
    void *progress_context;
    cg_allocator allocator;
} cg_neighbour_build;

/* The frozen graph. report may be NULL. Errors: CG_ERROR_INVALID naming the option that is out
 * of range, dims that an index cannot have, fewer rows than neighbours + 1, and for cosine a
 * row of length 0; CG_ERROR_CORRUPT as cg_vector_file_row; CG_ERROR_MEMORY. Memory besides the
 * result: the index, and 8 bytes a neighbour. */
cg_status cg_neighbour_graph(const cg_vector_file *file, const cg_neighbour_options *options,
                             const cg_neighbour_build *build, cg_graph **out,
                             cg_neighbour_report *report, cg_error *error);

#endif
