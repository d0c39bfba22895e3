/* Who is measured by the index benchmarks: ours and the peer, built from one set of data, and
 * then asked all its queries on one thread.
 *
 * A searcher is anything that answers them at a width ef: so the same code finds the ef at which
 * recall is reached, and takes the time, for ours, for the peer, and for searches with filters.
 * Searches are compared at equal recall: each at its own least ef that reaches it.
 *
 * Functions that return bool print to stderr what went wrong.
 */
#ifndef CG_TESTS_BENCH_BENCH_SUBJECT_H
#define CG_TESTS_BENCH_BENCH_SUBJECT_H

#include "engine/index/index.h"
#include "tests/bench/bench.h"
#include "tests/bench/bench_data.h"
#include "tests/bench/peer_hnswlib.h"

enum { BENCH_M = 16, BENCH_EF_CONSTRUCTION = 200, BENCH_EF_MAX = 5120 };

/* --- building --- */

/* How ours holds vectors. */
typedef struct bench_form {
    const char *name; /* "i8_f16" */
    cg_precision codes;
    cg_precision fuller;
    bool has_ids;
} bench_form;
extern const bench_form bench_form_main; /* 8-bit codes, re-ranked on f16; no stored ids */

/* `seconds` covers everything from nothing to an index that holds all rows. */
bool bench_build_ours(cg_index_kind kind, const bench_form *form, const bench_data *data,
                      const cg_runner *runner, cg_index **out, double *seconds);
/* *out NULL and NaN seconds where there is no peer. */
bool bench_build_peer(cg_index_kind kind, const bench_data *data, uint32_t threads,
                      peer_index **out, double *seconds);

/* --- searching --- */

/* For searches of ours. */
bool bench_scratch_alloc(cg_index_scratch **out);

/* Fills found[BENCH_QUERIES * BENCH_K] with rows. */
typedef struct bench_searcher {
    bool (*search)(void *context, const bench_data *data, uint32_t ef, uint32_t *found);
    void *context;
} bench_searcher;

typedef struct bench_ours {
    const cg_index *index;
    cg_index_scratch *scratch;
    const cg_row_set *rows; /* NULL: all */
    cg_work *work;          /* NULL: not counted */
} bench_ours;
bench_searcher bench_searcher_ours(bench_ours *ours);
/* NULL: one that must not be called, for there is no peer. */
bench_searcher bench_searcher_peer(peer_index *peer);
bool bench_searcher_is_there(const bench_searcher *searcher);

bool bench_recall_at(const bench_searcher *searcher, const bench_data *data,
                     const bench_truth *truth, uint32_t ef, double *recall);

typedef struct bench_width {
    uint32_t ef;
    double recall; /* at ef; below the one asked for when ef is BENCH_EF_MAX */
} bench_width;
/* The least ef that reaches the recall, by doubling and bisection, as if recall only rose with
 * ef (it falls by a few results now and then). */
bool bench_least_ef(const bench_searcher *searcher, const bench_data *data,
                    const bench_truth *truth, double recall, bench_width *out);

/* Answers all queries, as often as it takes for a time that can be trusted. */
bool bench_speed(const bench_searcher *searcher, const bench_data *data, uint32_t ef,
                 double *queries_per_s);

/* BENCH_TURNS_MAX turns, ours and the peer's by turns. Prints a comment if the machine was
 * busy with something else. */
bool bench_speed_in_turns(const bench_searcher *ours, uint32_t ours_ef,
                          const bench_searcher *peer, uint32_t peer_ef, const bench_data *data,
                          bench_series *out);

#endif
