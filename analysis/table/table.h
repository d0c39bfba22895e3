/* Tables from a result database (spec I4).
 *
 * A row for each combination of factor values, repetitions joined (sheet.h): origin, n
 * repetitions, then the columns of the experiment's table views, or those asked for. Text and
 * Markdown are for reading, with units chosen by column:
 *
 *   ±            the 95% t interval over repetitions
 *   [low, high]  the 95% order-statistic interval of a quantile
 *   *            wall time
 *
 * CSV and JSON are for programs: base units, every digit, low and high in columns of their own.
 *
 * The claims of the experiment are a table too (claim.h), in their own units in every form, with
 * a last line of text that counts them: "claims: 5 met, 1 missed, 0 open".
 */
#ifndef AN_TABLE_TABLE_H
#define AN_TABLE_TABLE_H

#include <stdio.h>

#include "engine/base/status.h"

typedef enum an_format {
    AN_FORMAT_TEXT,
    AN_FORMAT_CSV,
    AN_FORMAT_JSON,
    AN_FORMAT_MARKDOWN
} an_format;

typedef struct an_table_options {
    an_format format;
    const char *experiment; /* NULL: the database's only one */
    /* Name of a table view, or "claims"; NULL: all of them, in their order, then the claims, if
     * there are some and neither columns nor conditions are asked for. */
    const char *view;
    /* "latency:p99,throughput:mean" instead of views; NULL: from the views. */
    const char *columns;
    /* "factor=value" or "repetition=N"; several of one factor are alternatives. */
    const char *const *where;
    uint32_t where_count;
    uint32_t width; /* text: columns that pass this many characters go below; 0: never */
} an_table_options;

/* Writes the tables to out. Nothing is written on failure, except when out itself fails.
 * Errors: the database (database.h); an unknown view, factor, value or column, each with the
 * nearest known. */
cg_status an_table_print(const char *path, const an_table_options *options, FILE *out,
                         cg_error *error);

/* "text", "csv", "json", "markdown" (or "md"); otherwise an error naming them. */
cg_status an_format_parse(const char *text, an_format *out, cg_error *error);

#endif
