/* What every benchmark shares.
 *
 * Output is TSV on stdout: bench, metric, ours, peer, ratio (ours / peer), unit; the set-up
 * stands in lines that start with "#". Where both run, they take turns (A B A B), so that a
 * slow spell of the machine hits both; a row is the median of the turns.
 */
#ifndef CG_TESTS_BENCH_BENCH_H
#define CG_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_TURNS_MAX = 5 };

/* The turns of one metric. A NaN of the peer means that there is none. */
typedef struct bench_series {
    double ours[BENCH_TURNS_MAX];
    double peer[BENCH_TURNS_MAX];
    uint32_t turns;
} bench_series;

double bench_now_s(void);
double bench_median(const double *values, uint32_t count);
void bench_row(const char *bench, const char *metric, const bench_series *series,
               const char *unit);

/* The FILE of the command line, or NULL; "partition" reads triples from it. */
extern const char *bench_file;

/* The entries; they return false after a failure that was printed to stderr. */
bool bench_cache(void);
bool bench_decision(void);
bool bench_fabric(void);
bool bench_hot_lines(void);
bool bench_index_10k(void);
bool bench_index_100k(void);
bool bench_index_1m(void);
bool bench_index_filter(void);
bool bench_index_flat(void);
bool bench_inhibition(void);
bool bench_kernels(void);
bool bench_partition(void);
bool bench_pool(void);
bool bench_spikes(void);
bool bench_spread(void);

#endif
