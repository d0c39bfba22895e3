/* A sheet: a row for each combination of factor values, its repetitions joined; an estimate for
 * each column.
 *
 * Invariants: rows are in the order of the plan; a repetition that is not done contributes
 * nothing; quantiles come from the repetitions' merged histogram (order-statistic interval),
 * everything else is a mean over the repetitions that state it (t interval), and the standard
 * error of one supposes that they are independent. Intervals are of
 * 95%. Values are in base units.
 */
#ifndef AN_TABLE_SHEET_H
#define AN_TABLE_SHEET_H

#include "analysis/stats/stats.h"
#include "analysis/table/column.h"

typedef struct an_cell {
    bool present;
    an_estimate estimate;
} an_cell;

typedef struct an_sheet_row {
    const uint32_t *value_index; /* [factor_count] of the database */
    uint32_t done;               /* repetitions */
    uint32_t failed;
    uint32_t pending;
    const char *origin; /* built, tiled, fitted, mixed; "" when none is done */
    an_cell *cells;     /* [column_count] */
} an_sheet_row;

typedef struct an_sheet {
    const an_column *columns;
    uint32_t column_count;
    an_sheet_row *rows;
    uint32_t row_count;
    /* Row of each of the database's points; UINT32_MAX when left out. */
    const uint32_t *points_row;
} an_sheet;

typedef struct an_sheet_request {
    const char *const *columns; /* "metric:statistic" */
    uint32_t column_count;
    const char *const *where; /* "factor=value" */
    uint32_t where_count;
} an_sheet_request;

/* Lives in the database's pool. No row left by the conditions is an error. */
cg_status an_sheet_build(an_database *database, const an_sheet_request *request, an_sheet *out,
                         cg_error *error);

#endif
