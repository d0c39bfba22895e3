/* Building a sheet: rows from the plan, then column by column from the figures. */
#include "analysis/table/sheet.h"

#include <string.h>

static const double CONFIDENCE = 0.95;

static bool same_values(const an_database *database, const uint32_t *left,
                        const uint32_t *right) {
    return database->factor_count == 0 ||
           memcmp(left, right, database->factor_count * sizeof *left) == 0;
}

static void count_point(an_sheet_row *row, const an_point *point) {
    if (point->state != AN_STATE_DONE) {
        row->failed += point->state == AN_STATE_FAILED;
        row->pending += point->state == AN_STATE_PENDING;
        return;
    }
    bool other = row->done > 0 && strcmp(row->origin, point->origin) != 0;
    row->origin = other ? "mixed" : point->origin;
    row->done++;
}

/* Repetitions of a combination follow each other, because the repetition varies fastest. */
static cg_status make_rows(an_database *database, const an_sheet_request *request,
                           an_sheet *sheet, cg_error *error) {
    an_pool *pool = &database->pool;
    uint32_t *points_row = an_pool_take(pool, database->point_count, sizeof *points_row);
    sheet->rows = an_pool_take(pool, database->point_count, sizeof *sheet->rows);
    if (!points_row || !sheet->rows) {
        return an_out_of_memory(error);
    }
    an_sheet_row *row = NULL;
    for (uint32_t i = 0; i < database->point_count; i++) {
        const an_point *point = &database->points[i];
        points_row[i] = UINT32_MAX;
        if (!an_where_holds(database, request->where, request->where_count, point)) {
            continue;
        }
        if (!row || !same_values(database, row->value_index, point->value_index)) {
            row = &sheet->rows[sheet->row_count++];
            row->value_index = point->value_index;
            row->origin = "";
            row->cells = an_pool_take(pool, sheet->column_count, sizeof *row->cells);
            if (!row->cells) {
                return an_out_of_memory(error);
            }
        }
        count_point(row, point);
        points_row[i] = sheet->row_count - 1;
    }
    sheet->points_row = points_row;
    if (sheet->row_count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "no point of experiment %s satisfies the conditions together",
                            database->experiment);
    }
    return CG_OK;
}

static cg_status check_unit(const an_database *database, const an_column *column,
                            sqlite3_stmt *statement, int at, cg_error *error) {
    const char *unit = (const char *)sqlite3_column_text(statement, at);
    if (unit && strcmp(unit, column->unit) == 0) {
        return CG_OK;
    }
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "%s: %s is in %s at one point and in %s at point %lld", database->path,
                        column->name, column->unit, unit ? unit : "no unit",
                        (long long)sqlite3_column_int64(statement, 0));
}

/* Repetitions of the row that is being read. */
typedef struct gathering {
    an_sheet *sheet;
    const an_column *column;
    uint32_t column_index;
    uint32_t row; /* UINT32_MAX: none yet */
    double *values;
    uint32_t value_count;
    cg_histogram merged;
} gathering;

/* Turns what was gathered into the cell of its row. */
static cg_status flush(gathering *gathered, cg_error *error) {
    if (gathered->row == UINT32_MAX) {
        return CG_OK;
    }
    an_cell *cell = &gathered->sheet->rows[gathered->row].cells[gathered->column_index];
    const cg_histogram *merged = &gathered->merged;
    cg_status status = CG_OK;
    if (gathered->value_count > 0 && gathered->column->kind == AN_COLUMN_ERROR) {
        cell->estimate = (an_estimate){
            .value = an_stats_mean_error(gathered->values, gathered->value_count)};
        cell->present = true;
    } else if (gathered->value_count > 0) {
        status = an_stats_mean(gathered->values, gathered->value_count, CONFIDENCE,
                               &cell->estimate, error);
        cell->present = status == CG_OK;
    } else if (merged->total > 0) {
        if (gathered->column->kind == AN_COLUMN_QUANTILE) {
            status = an_stats_quantile(merged, gathered->column->q, CONFIDENCE, &cell->estimate,
                                       error);
        } else {
            bool is_min = gathered->column->kind == AN_COLUMN_MIN;
            cell->estimate =
                (an_estimate){.value = (double)(is_min ? merged->min : merged->max)};
        }
        cell->present = status == CG_OK;
    }
    if (status != CG_OK) {
        (void)cg_error_prefix(error, "column %s: ", gathered->column->name);
    }
    gathered->value_count = 0;
    cg_histogram_reset(&gathered->merged);
    return status;
}

static cg_status take_histogram(gathering *gathered, const an_database *database,
                                sqlite3_stmt *statement, cg_error *error) {
    const char *text = (const char *)sqlite3_column_text(statement, 1);
    cg_histogram one;
    cg_histogram_init(&one, cg_allocator_heap());
    cg_status status = cg_histogram_parse(&one, text ? text : "", error);
    if (status == CG_OK) {
        an_column_kind kind = gathered->column->kind;
        if (kind == AN_COLUMN_COUNT) {
            gathered->values[gathered->value_count++] = (double)one.total;
        } else if (kind == AN_COLUMN_MEAN) {
            if (one.total > 0) {
                gathered->values[gathered->value_count++] = cg_histogram_mean(&one);
            }
        } else {
            status = cg_histogram_merge(&gathered->merged, &one, error);
        }
    }
    cg_histogram_deinit(&one);
    if (status != CG_OK && status != CG_ERROR_MEMORY) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s: histogram %s of point %lld is damaged", database->path,
                            gathered->column->metric,
                            (long long)sqlite3_column_int64(statement, 0));
    }
    return status;
}

static cg_status take_result(gathering *gathered, const an_database *database,
                             sqlite3_stmt *statement, cg_error *error) {
    const an_column *column = gathered->column;
    uint32_t at = an_database_point(database, sqlite3_column_int64(statement, 0));
    if (at == database->point_count || database->points[at].state != AN_STATE_DONE ||
        gathered->sheet->points_row[at] == UINT32_MAX) {
        return CG_OK;
    }
    cg_status status = CG_OK;
    if (gathered->sheet->points_row[at] != gathered->row) {
        status = flush(gathered, error);
        gathered->row = gathered->sheet->points_row[at];
    }
    if (status == CG_OK && column->kind != AN_COLUMN_COUNT) {
        status = check_unit(database, column, statement, 2, error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (column->kind == AN_COLUMN_FIGURE || column->kind == AN_COLUMN_ERROR) {
        gathered->values[gathered->value_count++] = sqlite3_column_double(statement, 1);
        return CG_OK;
    }
    return take_histogram(gathered, database, statement, error);
}

/* A quantile that each repetition states for itself can be shown, but not joined. */
static cg_status refuse_averaging(const an_database *database, const an_sheet *sheet,
                                  const an_column *column, cg_error *error) {
    double q = 0.0;
    if (column->kind != AN_COLUMN_FIGURE || !an_column_quantile(column->statistic, &q)) {
        return CG_OK;
    }
    for (uint32_t i = 0; i < sheet->row_count; i++) {
        if (sheet->rows[i].done > 1) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "column \"%s\" is a quantile without a histogram in %s: "
                                "quantiles of repetitions are never averaged, so choose one "
                                "repetition with repetition=N",
                                column->name, database->path);
        }
    }
    return CG_OK;
}

static cg_status fill_column(an_database *database, an_sheet *sheet, uint32_t index,
                             cg_error *error) {
    static const char figures[] =
        "SELECT point_index, value, unit FROM metric WHERE experiment_name = ?1 AND "
        "metric = ?2 AND statistic = ?3 ORDER BY point_index";
    static const char histograms[] =
        "SELECT point_index, buckets, unit FROM histogram WHERE experiment_name = ?1 AND "
        "metric = ?2 ORDER BY point_index";
    const an_column *column = &sheet->columns[index];
    cg_status status = refuse_averaging(database, sheet, column, error);
    if (status != CG_OK) {
        return status;
    }
    gathering gathered = {
        .sheet = sheet, .column = column, .column_index = index, .row = UINT32_MAX};
    gathered.values = an_pool_take(&database->pool, database->point_count, sizeof(double));
    if (!gathered.values) {
        return an_out_of_memory(error);
    }
    cg_histogram_init(&gathered.merged, cg_allocator_heap());
    bool is_figure = column->kind == AN_COLUMN_FIGURE || column->kind == AN_COLUMN_ERROR;
    sqlite3_stmt *statement = NULL;
    status = an_database_query(database, is_figure ? figures : histograms, &statement, error);
    bool more = status == CG_OK;
    if (more) {
        sqlite3_bind_text(statement, 2, column->metric, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 3, column->statistic, -1, SQLITE_STATIC);
    }
    while (more) {
        status = an_database_step(database, statement, &more, error);
        if (status == CG_OK && more) {
            status = take_result(&gathered, database, statement, error);
        }
        more = more && status == CG_OK;
    }
    if (status == CG_OK) {
        status = flush(&gathered, error);
    }
    sqlite3_finalize(statement);
    cg_histogram_deinit(&gathered.merged);
    return status;
}

cg_status an_sheet_build(an_database *database, const an_sheet_request *request, an_sheet *out,
                         cg_error *error) {
    an_sheet sheet = {.column_count = request->column_count};
    an_column *columns = an_pool_take(&database->pool, request->column_count, sizeof *columns);
    if (!columns) {
        return an_out_of_memory(error);
    }
    cg_status status = an_where_check(database, request->where, request->where_count, error);
    for (uint32_t i = 0; i < request->column_count && status == CG_OK; i++) {
        status = an_column_resolve(database, request->columns[i], &columns[i], error);
    }
    sheet.columns = columns;
    if (status == CG_OK) {
        status = make_rows(database, request, &sheet, error);
    }
    for (uint32_t i = 0; i < sheet.column_count && status == CG_OK; i++) {
        status = fill_column(database, &sheet, i, error);
    }
    if (status == CG_OK) {
        *out = sheet;
    }
    return status;
}
