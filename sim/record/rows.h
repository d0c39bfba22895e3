/* The point worker's protocol: rows of results, as lines of text through a pipe.
 *
 * A worker is started from a point's canonical options (sim/scenario/options.h) and writes one
 * row a line, fields separated by tabs; text fields have tab, newline, carriage return and
 * backslash escaped as \t, \n, \r, \\. Numbers are %.17g. Sweeps, shards, MPI and fault search
 * all speak it. The rows:
 *
 *   metric     NAME STATISTIC VALUE UNIT          a simulated figure
 *   wall       NAME STATISTIC VALUE UNIT          of wall time or real memory: see below
 *   histogram  NAME UNIT TEXT                     cg_histogram_format of integers (mostly ns)
 *   series     NAME TIME_NS STATISTIC VALUE UNIT  a value on the time line
 *   event      TIME_NS KIND TEXT                  a fault, heal or note: a mark on it
 *   alert      TIME_NS SEVERITY TEXT              what a person should look at
 *   error      TEXT                               the point failed; nothing else counts
 *   done       ORIGIN FINGERPRINT                 the last line: all is there
 *
 * Wall figures stay outside the fingerprint and `cortigrid check`. ORIGIN is built, tiled or
 * fitted; FINGERPRINT is 16 hex digits.
 *
 * NAME, STATISTIC, KIND and SEVERITY are 1 to SIM_ROWS_NAME_BYTES printable ASCII characters
 * without space, ':', ',' and '='; UNIT likewise, but may be empty. Times are at most 2^63 - 1.
 * A stream without its last line is a point that died.
 */
#ifndef SIM_RECORD_ROWS_H
#define SIM_RECORD_ROWS_H

#include <stdio.h>

#include "engine/base/histogram.h"
#include "engine/base/status.h"

enum { SIM_ROWS_NAME_BYTES = 64 };

typedef struct sim_rows sim_rows; /* a writer on a FILE it does not own */

cg_status sim_rows_alloc(FILE *file, sim_rows **out, cg_error *error);
void sim_rows_free(sim_rows *rows);

/* Failures stick and are reported by sim_rows_finish; nothing is written after the first. NaN,
 * infinity, a bad name and a time past 2^63 - 1 are refused there. */
void sim_rows_metric(sim_rows *rows, const char *name, const char *statistic, double value,
                     const char *unit);
void sim_rows_wall(sim_rows *rows, const char *name, const char *statistic, double value,
                   const char *unit);
void sim_rows_histogram(sim_rows *rows, const char *name, const char *unit,
                        const cg_histogram *histogram);
void sim_rows_series(sim_rows *rows, const char *name, uint64_t time_ns, const char *statistic,
                     double value, const char *unit);
void sim_rows_event(sim_rows *rows, uint64_t time_ns, const char *kind, const char *text);
void sim_rows_alert(sim_rows *rows, uint64_t time_ns, const char *severity, const char *text);
/* Is written even after a failure, so that a point can always say why it failed. */
void sim_rows_error(sim_rows *rows, const char *text);

/* Writes the last line and flushes. After a failure writes an error row with its sentence
 * instead and returns it. */
cg_status sim_rows_finish(sim_rows *rows, const char *origin, uint64_t fingerprint,
                          cg_error *error);

#endif
