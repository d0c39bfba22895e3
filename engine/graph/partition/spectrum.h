/* Coordinates of a small graph's rows from its Laplacian's smallest eigenvectors (private to
 * engine/graph/partition).
 *
 *   L = I - D^-1/2 W D^-1/2,   D the rows' sums of W
 *
 * Of the k smallest eigenvectors each row's entries, divided by their length, put rows of one
 * cluster close together (Ng, Jordan & Weiss, "On Spectral Clustering", NIPS 2001).
 *
 * Eigenvectors are no function of the matrix: a sign is free, and within a repeated eigenvalue
 * (components, cliques, rings, stars) any rotation is. The library's last bits may also differ
 * between processors, and they decide which rotation comes out. So:
 *
 *   1. The space is closed where the eigenvalues have a gap: the dimensions are the first m >= k
 *      with lambda(m + 1) - lambda(m) > 2^-20. The space of those m is a function of the graph, and
 *      stable: an error e of the matrix turns it by about e * 2^20.
 *   2. Its basis is made anew: m seeded random vectors are projected into it and made orthonormal
 *      in their order (Gram-Schmidt, twice). The projection U (U^T x) is the same for each basis U
 *      of the space, so the new basis is a function of the graph and the seed.
 *   3. Entries are rounded to multiples of 2^-12, and all that follows is integer arithmetic.
 *
 * What is left: an entry may lie within some 1e-12 of the middle between two multiples, or a gap of
 * its bound; then two machines whose libraries differ in last bits may round to either side. For
 * 400 rows and 64 dimensions that is one partitioning in some ten thousands, and none on one
 * machine, whatever the compiler. A test turns the eigenvectors about, adds noise, and demands the
 * same coordinates.
 *
 * Known value: of a ring of n, lambda = 1 - cos(2 pi j / n).
 */
#ifndef CG_ENGINE_GRAPH_PARTITION_SPECTRUM_H
#define CG_ENGINE_GRAPH_PARTITION_SPECTRUM_H

#include "engine/base/prng.h"
#include "engine/graph/partition/cut_graph.h"

enum { CG_SPECTRUM_ROWS_MAX = 512, CG_SPECTRUM_UNIT = 4096 };

/* values[rows] ascending; vectors[rows * rows]: entry i of vector j at [i * rows + j]. rows
 * 1..CG_SPECTRUM_ROWS_MAX. A row without arcs has the value 2, the largest there is. Cost: cubic,
 * 1 s for 500 rows. Errors: CG_ERROR_MEMORY; CG_ERROR_INVALID when the library fails. */
cg_status cg_spectrum_solve(const cg_cut_graph *graph, double *values, double *vectors,
                            cg_error *error);

/* The dimensions of 1., at most rows. */
uint32_t cg_spectrum_dims(const double *values, uint32_t rows, uint32_t wanted);

/* Steps 2 and 3: out[rows * dims], units of 1 / CG_SPECTRUM_UNIT. */
cg_status cg_spectrum_coordinates(const double *vectors, uint32_t rows, uint32_t dims,
                                  cg_stream *stream, const cg_allocator *allocator,
                                  int32_t *out, cg_error *error);

/* k-means of coordinates: seeded as k-means++ (Arthur & Vassilvitskii, SODA 2007), then Lloyd's
 * rounds; rows count by weights[rows]. cluster_of[rows]: < clusters. Integers throughout. */
typedef struct cg_spectrum_rows {
    const int32_t *coordinates; /* [rows * dims] */
    const uint32_t *weights;    /* [rows] */
    uint32_t rows;
    uint32_t dims;
} cg_spectrum_rows;
cg_status cg_spectrum_cluster(const cg_spectrum_rows *points, uint32_t clusters,
                              cg_stream *stream, const cg_allocator *allocator,
                              uint32_t *cluster_of, cg_error *error);

#endif
