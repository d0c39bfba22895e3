/* Data sets for the index benchmarks, the exact answers to their queries, and recall.
 *
 * Rows are 128 floats, distances squared Euclidean, nothing is normalised. Both laws draw a point
 * of 24 dimensions, map it into 128 by a fixed random orthonormal map, and add noise of deviation
 * 0.01 to each of the 128:
 *
 *   hard       the point is a standard Gaussian
 *   clustered  floor(sqrt(n)) centres are drawn from it; the point is the centre of one of them,
 *              each as likely as any other, plus BENCH_SPREAD times a standard Gaussian
 *
 * Queries are fresh draws of the same law. All draws come from our own streams, one for each
 * block of rows: so data repeat on every machine, for any number of threads, and the hard set of
 * a size is the beginning of those that are larger.
 */
#ifndef CG_TESTS_BENCH_BENCH_DATA_H
#define CG_TESTS_BENCH_BENCH_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/parallel.h"

enum { BENCH_DIMS = 128, BENCH_INNER_DIMS = 24, BENCH_QUERIES = 1000, BENCH_K = 10 };
#define BENCH_SPREAD 0.3f
#define BENCH_NOISE  0.01f
#define BENCH_NO_ROW UINT32_MAX /* a place among the results that stayed empty */

typedef enum bench_law { BENCH_HARD, BENCH_CLUSTERED, BENCH_LAW_COUNT } bench_law;
const char *bench_law_name(bench_law law); /* "hard", "clustered" */

/* How far a result may be away. */
typedef struct bench_truth {
    float farthest[BENCH_QUERIES]; /* distance of the BENCH_K-th nearest row; infinity: none */
    uint32_t wanted;               /* results of a query: BENCH_K, or less if rows are fewer */
} bench_truth;

typedef struct bench_data {
    bench_law law;
    uint32_t count;
    float *vectors; /* [count * BENCH_DIMS] */
    float *queries; /* [BENCH_QUERIES * BENCH_DIMS] */
    bench_truth truth;
} bench_data;

/* Draws the rows and the queries and finds the truth. False after a failure that was printed to
 * stderr. */
bool bench_data_init(bench_data *data, bench_law law, uint32_t count, const cg_runner *runner);
void bench_data_deinit(bench_data *data);

/* The truth among the rows whose bits are set (engine/index/oracle.h), or among all: NULL. Like
 * the above, false after a failure. */
bool bench_truth_find(const bench_data *data, const uint64_t *passing_bits,
                      const cg_runner *runner, bench_truth *out);

/* recall@10 of found[BENCH_QUERIES * BENCH_K]: the share of the results wanted that were found, a
 * row counting once and when it is no farther than the truth's farthest, so ties are as good as
 * each other. Distances are computed anew: whoever found a row has no say in them. */
double bench_recall(const bench_data *data, const bench_truth *truth, const uint32_t *found);

#endif
