/* A committed table of figures: tab-separated text that reads well as a diff.
 *
 *   # Cortigrid baseline 1: compared by `cortigrid check`, updated by `cortigrid bless`.
 *   # experiment<TAB>quickstart
 *   # column<TAB>latency:p99<TAB>exact
 *   # column<TAB>throughput:mean<TAB>1%
 *   nodes<TAB>hosts<TAB>column<TAB>value<TAB>unit
 *   1K<TAB>1<TAB>n<TAB>3<TAB>1
 *   1K<TAB>1<TAB>latency:p99<TAB>151200<TAB>ns
 *   -<TAB>-<TAB>CL-01:value<TAB>0.1512<TAB>ms
 *   -<TAB>-<TAB>CL-01:verdict<TAB>1<TAB>met
 *
 * A tolerance is "exact", a share of the baseline's value ("1%"), or a distance in the base
 * unit ("0.5"). The column n, repetitions done, is always there and exact. Values are in base
 * units, the shortest decimal that reads back as the same double (an_number_exact), so "exact"
 * is exact, but those of claims in the claims' units (entries.h); "-" is a missing figure. In texts \t, \n and \\ stand for tab, newline and
 * backslash.
 */
#ifndef AN_CHECK_BASELINE_H
#define AN_CHECK_BASELINE_H

#include "analysis/table/sheet.h"

typedef struct an_tolerance {
    const char *text; /* as written */
    double amount;    /* 0: exact */
    bool relative;
} an_tolerance;

typedef struct an_baseline_entry {
    const char **values; /* [factor_count] */
    const char *column;
    bool present;
    double value;
    const char *unit;
} an_baseline_entry;

typedef struct an_baseline {
    an_pool pool;
    const char *experiment;
    const char **columns; /* without n */
    an_tolerance *tolerances;
    uint32_t column_count;
    const char **factors;
    uint32_t factor_count;
    an_baseline_entry *entries;
    uint32_t entry_count;
} an_baseline;

/* Errors name file and line; a missing file is CG_ERROR_NOT_FOUND. */
cg_status an_baseline_read(const char *path, an_baseline *out, cg_error *error);
void an_baseline_deinit(an_baseline *baseline);

/* Writes beside path, syncs and renames: path holds the old content or the whole new one. */
cg_status an_baseline_write(const char *path, const an_baseline *baseline, cg_error *error);

#endif
