/* Reading a result database: identity, then the experiment's plan and states. */
#include "analysis/table/database.h"

#include <string.h>

#include "engine/base/nearest.h"
#include "results/identity.h"

enum { BUSY_WAIT_MS = 5000 };

static cg_status failure(const an_database *database, cg_error *error) {
    const char *path = database->path;
    switch (sqlite3_errcode(database->db) & 0xff) {
    case SQLITE_NOTADB:
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s is no result database", path);
    case SQLITE_CORRUPT:
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the database %s is damaged: truncated or altered", path);
    case SQLITE_BUSY:
        return cg_error_set(error, CG_ERROR_IO, "%s is in use by another program", path);
    case SQLITE_NOMEM:
        return an_out_of_memory(error);
    case SQLITE_ERROR: /* a table or column is missing */
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s does not follow the schema: %s", path,
                            sqlite3_errmsg(database->db));
    default:
        return cg_error_set(error, CG_ERROR_IO, "cannot read %s: %s", path,
                            sqlite3_errmsg(database->db));
    }
}

cg_status an_database_query(const an_database *database, const char *sql, sqlite3_stmt **out,
                            cg_error *error) {
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) != SQLITE_OK) {
        return failure(database, error);
    }
    if (database->experiment && sqlite3_bind_parameter_count(statement) > 0 &&
        sqlite3_bind_text(statement, 1, database->experiment, -1, SQLITE_STATIC) != SQLITE_OK) {
        cg_status status = failure(database, error);
        sqlite3_finalize(statement);
        return status;
    }
    *out = statement;
    return CG_OK;
}

cg_status an_database_step(const an_database *database, sqlite3_stmt *statement, bool *more,
                           cg_error *error) {
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        return failure(database, error);
    }
    *more = code == SQLITE_ROW;
    return CG_OK;
}

const char *an_database_text(an_database *database, sqlite3_stmt *statement, int column) {
    const unsigned char *text = sqlite3_column_text(statement, column);
    return an_pool_text(&database->pool, text ? (const char *)text : "");
}

/* Runs a query and gives every row to `take`. */
typedef cg_status take_row(an_database *database, sqlite3_stmt *statement, uint32_t row,
                           cg_error *error);

static cg_status each_row(an_database *database, const char *sql, take_row *take,
                          cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status = an_database_query(database, sql, &statement, error);
    bool more = status == CG_OK;
    for (uint32_t row = 0; more; row++) {
        status = an_database_step(database, statement, &more, error);
        if (status == CG_OK && more) {
            status = take(database, statement, row, error);
        }
        more = more && status == CG_OK;
    }
    sqlite3_finalize(statement);
    return status;
}

static cg_status read_number(const an_database *database, const char *sql, int64_t *out,
                             cg_error *error) {
    sqlite3_stmt *statement = NULL;
    bool more = false;
    cg_status status = an_database_query(database, sql, &statement, error);
    if (status == CG_OK) {
        status = an_database_step(database, statement, &more, error);
    }
    if (status == CG_OK) {
        *out = more ? sqlite3_column_int64(statement, 0) : 0;
    }
    sqlite3_finalize(statement);
    return status;
}

static cg_status check_identity(const an_database *database, cg_error *error) {
    int64_t id = 0;
    int64_t version = 0;
    cg_status status = read_number(database, "PRAGMA application_id", &id, error);
    if (status == CG_OK) {
        status = read_number(database, "PRAGMA user_version", &version, error);
    }
    return status == CG_OK ? cg_identity_check(database->path, id, version, error) : status;
}

static cg_status choose_experiment(an_database *database, const char *wanted, cg_error *error) {
    int64_t count = 0;
    cg_status status = read_number(database, "SELECT count(*) FROM experiment", &count, error);
    if (status != CG_OK) {
        return status;
    }
    const char **names = an_pool_take(&database->pool, (size_t)count, sizeof *names);
    const char **fingerprints = an_pool_take(&database->pool, (size_t)count, sizeof *names);
    sqlite3_stmt *statement = NULL;
    if (!names || !fingerprints) {
        return an_out_of_memory(error);
    }
    status = an_database_query(database,
                               "SELECT experiment_name, fingerprint FROM experiment "
                               "ORDER BY experiment_name",
                               &statement, error);
    bool more = status == CG_OK;
    size_t found = 0;
    while (more && found < (size_t)count) {
        status = an_database_step(database, statement, &more, error);
        more = more && status == CG_OK;
        if (more) {
            names[found] = an_database_text(database, statement, 0);
            fingerprints[found] = an_database_text(database, statement, 1);
            more = names[found] && fingerprints[found];
            status = more ? CG_OK : an_out_of_memory(error);
            found += more;
        }
    }
    sqlite3_finalize(statement);
    if (status != CG_OK) {
        return status;
    }
    if (found == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "%s holds no experiment",
                            database->path);
    }
    if (!wanted && found > 1) {
        return cg_error_set(
            error, CG_ERROR_INVALID,
            "%s holds %zu experiments; name one with --experiment: %.120s, %.120s%s",
            database->path, found, names[0], names[1], found > 2 ? ", ..." : "");
    }
    for (size_t i = 0; i < found; i++) {
        if (!wanted || strcmp(names[i], wanted) == 0) {
            database->experiment = names[i];
            database->fingerprint = fingerprints[i];
            return CG_OK;
        }
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "%s holds no experiment \"%.80s\"; the nearest is \"%.120s\"",
                        database->path, wanted, cg_nearest_name(wanted, names, found));
}

static cg_status corrupt(const an_database *database, const char *table, cg_error *error) {
    return cg_error_set(error, CG_ERROR_CORRUPT,
                        "%s is inconsistent: table %s of experiment %s lacks rows or has too "
                        "many",
                        database->path, table, database->experiment);
}

static cg_status take_factor(an_database *database, sqlite3_stmt *statement, uint32_t row,
                             cg_error *error) {
    if (row >= database->factor_count || sqlite3_column_int64(statement, 0) != row) {
        return corrupt(database, "factor", error);
    }
    an_factor *factor = &database->factors[row];
    int64_t values = sqlite3_column_int64(statement, 2);
    factor->name = an_database_text(database, statement, 1);
    factor->values = an_pool_take(&database->pool, (size_t)values, sizeof *factor->values);
    return factor->name && factor->values ? CG_OK : an_out_of_memory(error);
}

static cg_status take_value(an_database *database, sqlite3_stmt *statement, uint32_t row,
                            cg_error *error) {
    (void)row;
    int64_t index = sqlite3_column_int64(statement, 0);
    if (index < 0 || index >= database->factor_count) {
        return corrupt(database, "factor_value", error);
    }
    an_factor *factor = &database->factors[index];
    if (sqlite3_column_int64(statement, 1) != factor->value_count) {
        return corrupt(database, "factor_value", error);
    }
    const char *text = an_database_text(database, statement, 2);
    factor->values[factor->value_count++] = text;
    return text ? CG_OK : an_out_of_memory(error);
}

static cg_status take_point(an_database *database, sqlite3_stmt *statement, uint32_t row,
                            cg_error *error) {
    if (row >= database->point_count) {
        return corrupt(database, "point", error);
    }
    an_point *point = &database->points[row];
    const char *state = (const char *)sqlite3_column_text(statement, 2);
    point->index = sqlite3_column_int64(statement, 0);
    point->repetition = sqlite3_column_int64(statement, 1);
    point->state = !state                         ? AN_STATE_PENDING
                   : strcmp(state, "done") == 0   ? AN_STATE_DONE
                   : strcmp(state, "failed") == 0 ? AN_STATE_FAILED
                                                  : AN_STATE_PENDING;
    point->reason = an_database_text(database, statement, 3);
    point->origin = an_database_text(database, statement, 4);
    point->value_index =
        an_pool_take(&database->pool, database->factor_count, sizeof *point->value_index);
    return point->reason && point->origin && point->value_index ? CG_OK
                                                                : an_out_of_memory(error);
}

/* Rows come by point, then factor: row r is factor r % factor_count of point r / factor_count.
 */
static cg_status take_point_factor(an_database *database, sqlite3_stmt *statement, uint32_t row,
                                   cg_error *error) {
    uint32_t at = row / database->factor_count;
    uint32_t factor = row % database->factor_count;
    int64_t value = sqlite3_column_int64(statement, 2);
    if (at >= database->point_count ||
        sqlite3_column_int64(statement, 0) != database->points[at].index ||
        sqlite3_column_int64(statement, 1) != factor || value < 0 ||
        value >= database->factors[factor].value_count) {
        return corrupt(database, "point_factor", error);
    }
    database->points[at].value_index[factor] = (uint32_t)value;
    return CG_OK;
}

static cg_status take_view(an_database *database, sqlite3_stmt *statement, uint32_t row,
                           cg_error *error) {
    if (row >= database->view_count) {
        return corrupt(database, "view", error);
    }
    an_view *view = &database->views[row];
    const char *kind = (const char *)sqlite3_column_text(statement, 0);
    view->is_plot = kind && strcmp(kind, "plot") == 0;
    view->name = an_database_text(database, statement, 1);
    view->title = an_database_text(database, statement, 2);
    view->text = an_database_text(database, statement, 3);
    return view->name && view->title && view->text ? CG_OK : an_out_of_memory(error);
}

static cg_status count_rows(const an_database *database, const char *sql, uint32_t *out,
                            cg_error *error) {
    int64_t count = 0;
    cg_status status = read_number(database, sql, &count, error);
    if (status == CG_OK && (count < 0 || count > UINT32_MAX)) {
        return corrupt(database, "experiment", error);
    }
    *out = (uint32_t)count;
    return status;
}

static cg_status load_plan(an_database *database, cg_error *error) {
    cg_status status =
        count_rows(database, "SELECT count(*) FROM factor WHERE experiment_name = ?1",
                   &database->factor_count, error);
    if (status == CG_OK) {
        status = count_rows(database, "SELECT count(*) FROM point WHERE experiment_name = ?1",
                            &database->point_count, error);
    }
    if (status == CG_OK) {
        status =
            count_rows(database, "SELECT count(*) FROM \"view\" WHERE experiment_name = ?1",
                       &database->view_count, error);
    }
    if (status != CG_OK) {
        return status;
    }
    an_pool *pool = &database->pool;
    database->factors = an_pool_take(pool, database->factor_count, sizeof(an_factor));
    database->points = an_pool_take(pool, database->point_count, sizeof(an_point));
    database->views = an_pool_take(pool, database->view_count, sizeof(an_view));
    if (!database->factors || !database->points || !database->views) {
        return an_out_of_memory(error);
    }
    status =
        each_row(database,
                 "SELECT factor_index, name, (SELECT count(*) FROM factor_value AS v WHERE "
                 "v.experiment_name = f.experiment_name AND v.factor_index = "
                 "f.factor_index) FROM factor AS f WHERE experiment_name = ?1 "
                 "ORDER BY factor_index",
                 take_factor, error);
    if (status == CG_OK) {
        status = each_row(database,
                          "SELECT factor_index, value_index, value FROM factor_value WHERE "
                          "experiment_name = ?1 ORDER BY factor_index, value_index",
                          take_value, error);
    }
    if (status == CG_OK) {
        status = each_row(database,
                          "SELECT point_index, repetition, state, reason, origin FROM point "
                          "WHERE experiment_name = ?1 ORDER BY point_index",
                          take_point, error);
    }
    if (status == CG_OK && database->factor_count > 0) {
        status = each_row(database,
                          "SELECT point_index, factor_index, value_index FROM point_factor "
                          "WHERE experiment_name = ?1 ORDER BY point_index, factor_index",
                          take_point_factor, error);
    }
    if (status == CG_OK) {
        status = each_row(database,
                          "SELECT kind, name, title, text FROM \"view\" WHERE "
                          "experiment_name = ?1 ORDER BY view_index",
                          take_view, error);
    }
    return status;
}

static cg_status open_file(an_database *database, cg_error *error) {
    FILE *file = fopen(database->path, "rb");
    if (!file) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "there is no database %s that can be read", database->path);
    }
    fclose(file);
    /* For writing, because what a killed run left must be rolled back before it can be read;
     * SQLite falls back to read-only by itself. */
    if (sqlite3_open_v2(database->path, &database->db, SQLITE_OPEN_READWRITE, NULL) !=
        SQLITE_OK) {
        return cg_error_set(error, CG_ERROR_IO, "%s is no file that can be read as a database",
                            database->path);
    }
    sqlite3_busy_timeout(database->db, BUSY_WAIT_MS);
    return CG_OK;
}

/* One transaction, so that a run that stores a point meanwhile does not show half of it. */
static cg_status begin(an_database *database, cg_error *error) {
    if (sqlite3_exec(database->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        return failure(database, error);
    }
    return CG_OK;
}

cg_status an_database_open(const char *path, const char *experiment, an_database *out,
                           cg_error *error) {
    an_database database = {0};
    database.path = an_pool_text(&database.pool, path);
    cg_status status = database.path ? CG_OK : an_out_of_memory(error);
    if (status == CG_OK) {
        status = open_file(&database, error);
    }
    if (status == CG_OK) {
        status = begin(&database, error);
    }
    if (status == CG_OK) {
        status = check_identity(&database, error);
    }
    if (status == CG_OK) {
        status = choose_experiment(&database, experiment, error);
    }
    if (status == CG_OK) {
        status = load_plan(&database, error);
    }
    if (status != CG_OK) {
        an_database_close(&database);
        return status;
    }
    *out = database;
    return CG_OK;
}

void an_database_close(an_database *database) {
    sqlite3_close(database->db);
    an_pool_deinit(&database->pool);
    *database = (an_database){0};
}

uint32_t an_database_point(const an_database *database, int64_t point_index) {
    uint32_t low = 0;
    uint32_t high = database->point_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (database->points[middle].index < point_index) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < database->point_count && database->points[low].index == point_index;
    return found ? low : database->point_count;
}
