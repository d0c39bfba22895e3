/* What the index benchmarks share in what they print. */
#ifndef CG_TESTS_BENCH_BENCH_INDEX_H
#define CG_TESTS_BENCH_BENCH_INDEX_H

#include "sim/point/thread_runner.h"
#include "tests/bench/bench_subject.h"

enum { BENCH_THREADS = 2 };

/* Prints the set-up, as comment lines, once a process; starts BENCH_THREADS threads, which the
 * caller frees. False after a failure that was printed to stderr. */
bool bench_index_begin(sim_thread_runner **threads);

/* A row whose metric is "<law>_<metric>". */
void bench_index_row(const char *bench, bench_law law, const char *metric,
                     const bench_series *series, const char *unit);
/* The same, of one turn. */
void bench_index_value(const char *bench, bench_law law, const char *metric, double ours,
                       double peer, const char *unit);

/* Frozen segments of an index, against the peer built from the same data. */
typedef struct bench_frozen {
    const char *bench;
    const bench_data *data;
    const cg_index *index; /* 8-bit codes, f16, computed ids from 0 */
    peer_index *peer;      /* NULL: none */
} bench_frozen;
bool bench_index_frozen(const bench_frozen *set);

/* A line on stderr: what is done now. */
void bench_index_progress(const char *bench, bench_law law, const char *what);

#endif
