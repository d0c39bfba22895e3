/* Tables from a result database: which tables, which columns, in which form. */
#include "analysis/table/table.h"

#include <errno.h>
#include <string.h>

#include "analysis/table/print.h"
#include "engine/base/nearest.h"

static const char CLAIMS_VIEW[] = "claims";

cg_status an_format_parse(const char *text, an_format *out, cg_error *error) {
    static const struct {
        const char *word;
        an_format format;
    } formats[] = {{"text", AN_FORMAT_TEXT},
                   {"csv", AN_FORMAT_CSV},
                   {"json", AN_FORMAT_JSON},
                   {"markdown", AN_FORMAT_MARKDOWN},
                   {"md", AN_FORMAT_MARKDOWN}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(text, formats[i].word) == 0) {
            *out = formats[i].format;
            return CG_OK;
        }
    }
    return cg_error_set(error, CG_ERROR_INVALID,
                        "format \"%.40s\" is not text, csv, json or markdown", text);
}

static cg_status fill(an_database *database, const an_table_options *options,
                      const char *const *columns, uint32_t column_count, an_table *table,
                      cg_error *error) {
    an_sheet_request request = {.columns = columns,
                                .column_count = column_count,
                                .where = options->where,
                                .where_count = options->where_count};
    return an_sheet_build(database, &request, &table->sheet, error);
}

static cg_status no_such_view(an_database *database, const char *wanted, bool has_claims,
                              cg_error *error) {
    const char **names =
        an_pool_take(&database->pool, (size_t)database->view_count + 1, sizeof *names);
    uint32_t count = 0;
    if (!names) {
        return an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < database->view_count; i++) {
        if (!database->views[i].is_plot) {
            names[count++] = database->views[i].name;
        }
    }
    if (has_claims) {
        names[count++] = CLAIMS_VIEW;
    }
    if (count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "experiment %s has no table \"%.80s\": its scenario names none",
                            database->experiment, wanted);
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "experiment %s has no table \"%.80s\"; the nearest is \"%s\"",
                        database->experiment, wanted, cg_nearest_name(wanted, names, count));
}

static bool is_finished(const an_database *database) {
    for (uint32_t i = 0; i < database->point_count; i++) {
        if (database->points[i].state != AN_STATE_DONE) {
            return false;
        }
    }
    return true;
}

/* A view's columns that have results so far: a point that has not run, or failed, may have been
 * the only one to state a figure. */
static cg_status keep_known(an_database *database, const char **columns, uint32_t *count,
                            cg_error *error) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        an_column column;
        cg_status status = an_column_resolve(database, columns[i], &column, error);
        if (status == CG_OK) {
            columns[kept++] = columns[i];
        } else if (status != CG_ERROR_NOT_FOUND) {
            return status;
        }
    }
    *count = kept;
    return CG_OK;
}

/* One table of the columns given, or of all figures when text is NULL. Of a run that has not
 * finished, what there is: at least the rows and what became of their points. */
static cg_status single_table(an_database *database, const an_table_options *options,
                              const char *text, an_table *table, cg_error *error) {
    const char **columns = NULL;
    uint32_t count = 0;
    *table = (an_table){.name = "", .title = ""};
    cg_status status = text ? an_column_split(database, text, &columns, &count, error)
                            : an_column_all(database, &columns, &count, error);
    if (status == CG_OK && text && count == 0) {
        status = cg_error_set(error, CG_ERROR_INVALID,
                              "no columns are named, expected metric:statistic, ...");
    }
    if (status == CG_OK && text && text != options->columns && !is_finished(database)) {
        status = keep_known(database, columns, &count, error);
    }
    return status == CG_OK ? fill(database, options, columns, count, table, error) : status;
}

/* What one output holds. */
typedef struct content {
    an_table *tables;
    uint32_t table_count;
    an_claim_list claims;
    bool with_claims; /* they are to be printed */
} content;

/* Claims come with the views, when there are some, or alone, when they are asked for. */
static cg_status gather_claims(an_database *database, const an_table_options *options,
                               content *into, cg_error *error) {
    bool alone = options->view && strcmp(options->view, CLAIMS_VIEW) == 0;
    bool picked = options->columns || options->where_count > 0;
    an_claim *claims = NULL;
    cg_status status = an_claims_read(database, &claims, &into->claims.count, error);
    into->claims.claims = claims;
    into->with_claims = alone || (!options->view && !picked && into->claims.count > 0);
    if (status != CG_OK || !alone) {
        return status;
    }
    if (picked) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "the view claims takes no columns and no conditions: each claim "
                            "has its own");
    }
    if (into->claims.count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "experiment %s has no claims: its scenario states none",
                            database->experiment);
    }
    return CG_OK;
}

static cg_status gather(an_database *database, const an_table_options *options, content *into,
                        cg_error *error) {
    cg_status status = gather_claims(database, options, into, error);
    if (status != CG_OK || (options->view && into->with_claims)) {
        return status;
    }
    an_table *gathered =
        an_pool_take(&database->pool, (size_t)database->view_count + 1, sizeof *gathered);
    if (!gathered) {
        return an_out_of_memory(error);
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < database->view_count && status == CG_OK && !options->columns;
         i++) {
        const an_view *view = &database->views[i];
        if (view->is_plot || (options->view && strcmp(view->name, options->view) != 0)) {
            continue;
        }
        status = single_table(database, options, view->text, &gathered[count], error);
        gathered[count].name = view->name;
        gathered[count++].title = view->title;
    }
    if (status == CG_OK && options->view && !options->columns && count == 0) {
        status = no_such_view(database, options->view, into->claims.count > 0, error);
    } else if (status == CG_OK && count == 0) {
        status = single_table(database, options, options->columns, &gathered[count++], error);
    }
    into->tables = gathered;
    into->table_count = count;
    return status;
}

static cg_status print(an_database *database, const an_table_options *options,
                       const content *from, FILE *out, cg_error *error) {
    if (options->format == AN_FORMAT_JSON) {
        an_print_json(database, from->tables, from->table_count,
                      from->with_claims ? &from->claims : NULL, out);
        return CG_OK;
    }
    cg_status status = CG_OK;
    for (uint32_t i = 0; i < from->table_count && status == CG_OK; i++) {
        if (options->format == AN_FORMAT_CSV) {
            an_print_csv(database, &from->tables[i], i, out);
        } else if (options->format == AN_FORMAT_MARKDOWN) {
            status = an_print_markdown(database, &from->tables[i], i, out, error);
        } else {
            status = an_print_text(database, &from->tables[i], options->width, i, out, error);
        }
    }
    if (status != CG_OK || !from->with_claims) {
        return status;
    }
    if (options->format == AN_FORMAT_CSV) {
        an_print_claims_csv(&from->claims, from->table_count, out);
        return CG_OK;
    }
    return an_print_claims_text(database, &from->claims, options, from->table_count, out,
                                error);
}

cg_status an_table_print(const char *path, const an_table_options *options, FILE *out,
                         cg_error *error) {
    an_database database;
    cg_status status = an_database_open(path, options->experiment, &database, error);
    if (status != CG_OK) {
        return status;
    }
    content gathered = {0};
    status = gather(&database, options, &gathered, error);
    if (status == CG_OK) {
        status = print(&database, options, &gathered, out, error);
    }
    an_database_close(&database);
    if (status == CG_OK && (fflush(out) != 0 || ferror(out))) {
        status =
            cg_error_set(error, CG_ERROR_IO, "cannot write the table: %s", strerror(errno));
    }
    return status;
}
