/* Columns and conditions by name. */
#include "analysis/table/column.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/nearest.h"

enum { PERCENT_DIGITS_MAX = 12 };

/* p5, p50, p99.9, p999: digits, at most one point. */
bool an_column_quantile(const char *statistic, double *q) {
    if (statistic[0] != 'p' || statistic[1] < '0' || statistic[1] > '9') {
        return false;
    }
    const char *digits = statistic + 1;
    size_t length = strlen(digits);
    if (length > PERCENT_DIGITS_MAX || strspn(digits, "0123456789.") != length) {
        return false;
    }
    const char *point = strchr(digits, '.');
    if (point && (strchr(point + 1, '.') || !point[1])) {
        return false;
    }
    char text[PERCENT_DIGITS_MAX + 2];
    if (!point && length > 2) {
        text[0] = digits[0];
        text[1] = digits[1];
        text[2] = '.';
        memcpy(text + 3, digits + 2, length - 2 + 1);
    } else {
        memcpy(text, digits, length + 1);
    }
    double percent = strtod(text, NULL);
    if (!(percent > 0.0 && percent < 100.0)) {
        return false;
    }
    *q = percent / 100.0;
    return true;
}

/* The first row of a query about (metric, statistic): unit and wall flag. */
static cg_status look_up(an_database *database, const char *sql, an_column *column, bool *found,
                         cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status = an_database_query(database, sql, &statement, error);
    if (status != CG_OK) {
        return status;
    }
    sqlite3_bind_text(statement, 2, column->metric, -1, SQLITE_STATIC);
    if (sqlite3_bind_parameter_count(statement) > 2) {
        sqlite3_bind_text(statement, 3, column->statistic, -1, SQLITE_STATIC);
    }
    status = an_database_step(database, statement, found, error);
    if (status == CG_OK && *found) {
        column->unit = an_database_text(database, statement, 0);
        column->wall = sqlite3_column_int(statement, 1) != 0;
        status = column->unit ? CG_OK : an_out_of_memory(error);
    }
    sqlite3_finalize(statement);
    return status;
}

/* Every name a column can have; quantiles are represented by p50 and p99. */
static cg_status known_names(an_database *database, bool with_wall, const char ***out,
                             uint32_t *count, cg_error *error) {
    static const char sql[] =
        "SELECT name FROM (SELECT DISTINCT metric || ':' || statistic AS name, wall, 0 AS part "
        "FROM metric WHERE experiment_name = ?1 UNION SELECT DISTINCT metric || ':p50', 0, 1 "
        "FROM histogram WHERE experiment_name = ?1 UNION SELECT DISTINCT metric || ':p99', 0, "
        "1 "
        "FROM histogram WHERE experiment_name = ?1) WHERE wall = 0 OR ?2 = 1 "
        "ORDER BY part, name";
    /* Once to count, once to read. */
    const char **names = NULL;
    uint32_t found = 0;
    for (int pass = 0; pass < 2; pass++) {
        sqlite3_stmt *statement = NULL;
        cg_status status = an_database_query(database, sql, &statement, error);
        bool more = status == CG_OK;
        uint32_t row = 0;
        sqlite3_bind_int(statement, 2, with_wall);
        while (more) {
            status = an_database_step(database, statement, &more, error);
            more = more && status == CG_OK && (pass == 0 || row < found);
            if (more && pass == 1) {
                names[row] = an_database_text(database, statement, 0);
                more = names[row] != NULL;
                status = more ? CG_OK : an_out_of_memory(error);
            }
            row += more;
        }
        sqlite3_finalize(statement);
        if (status != CG_OK) {
            return status;
        }
        if (pass == 0) {
            found = row;
            names = an_pool_take(&database->pool, found, sizeof *names);
            if (!names) {
                return an_out_of_memory(error);
            }
        }
    }
    *out = names;
    *count = found;
    return CG_OK;
}

static cg_status no_such_column(an_database *database, const char *name, cg_error *error) {
    const char **names = NULL;
    uint32_t count = 0;
    cg_status status = known_names(database, true, &names, &count, error);
    if (status != CG_OK) {
        return status;
    }
    if (count == 0) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND,
                            "experiment %s in %s has no finished point with figures",
                            database->experiment, database->path);
    }
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "column \"%.100s\" matches no result of experiment %s; the nearest is "
                        "\"%s\"",
                        name, database->experiment, cg_nearest_name(name, names, count));
}

/* Which kind of column a histogram can give. */
static bool histogram_kind(an_column *column) {
    static const struct {
        const char *statistic;
        an_column_kind kind;
    } kinds[] = {{"min", AN_COLUMN_MIN},
                 {"max", AN_COLUMN_MAX},
                 {"mean", AN_COLUMN_MEAN},
                 {"count", AN_COLUMN_COUNT}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(column->statistic, kinds[i].statistic) == 0) {
            column->kind = kinds[i].kind;
            return true;
        }
    }
    column->kind = AN_COLUMN_QUANTILE;
    return an_column_quantile(column->statistic, &column->q);
}

cg_status an_column_resolve(an_database *database, const char *name, an_column *out,
                            cg_error *error) {
    const char *colon = strchr(name, ':');
    if (!colon || colon == name || !colon[1]) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "column \"%.100s\" is not of the form metric:statistic, such as "
                            "latency:p99",
                            name);
    }
    an_column column = {.name = an_pool_text(&database->pool, name)};
    column.metric = an_pool_text_part(&database->pool, name, (size_t)(colon - name));
    if (!column.name || !column.metric) {
        return an_out_of_memory(error);
    }
    column.statistic = column.name + (colon - name) + 1;
    bool from_histogram = histogram_kind(&column);
    bool has_histogram = false;
    bool found = false;
    cg_status status = look_up(database,
                               "SELECT unit, wall FROM metric WHERE experiment_name = ?1 AND "
                               "metric = ?2 AND statistic = ?3 ORDER BY point_index LIMIT 1",
                               &column, &found, error);
    if (status == CG_OK && from_histogram && (!found || column.kind == AN_COLUMN_QUANTILE)) {
        status = look_up(database,
                         "SELECT unit, 0 FROM histogram WHERE experiment_name = ?1 AND "
                         "metric = ?2 ORDER BY point_index LIMIT 1",
                         &column, &has_histogram, error);
    }
    if (status != CG_OK) {
        return status;
    }
    if (!has_histogram) {
        bool is_error = strcmp(column.statistic, "se") == 0;
        column.kind = is_error ? AN_COLUMN_ERROR : AN_COLUMN_FIGURE;
    }
    if (!found && !has_histogram) {
        return no_such_column(database, name, error);
    }
    if (column.kind == AN_COLUMN_COUNT) {
        column.unit = "1";
    }
    *out = column;
    return CG_OK;
}

cg_status an_column_split(an_database *database, const char *text, const char ***names,
                          uint32_t *count, cg_error *error) {
    static const char separators[] = ", \t\r\n";
    uint32_t parts = 0;
    for (const char *p = text + strspn(text, separators); *p; p += strspn(p, separators)) {
        p += strcspn(p, separators);
        parts++;
    }
    const char **split = an_pool_take(&database->pool, parts, sizeof *split);
    if (!split) {
        return an_out_of_memory(error);
    }
    parts = 0;
    for (const char *p = text + strspn(text, separators); *p; p += strspn(p, separators)) {
        size_t length = strcspn(p, separators);
        split[parts] = an_pool_text_part(&database->pool, p, length);
        if (!split[parts++]) {
            return an_out_of_memory(error);
        }
        p += length;
    }
    *names = split;
    *count = parts;
    return CG_OK;
}

cg_status an_column_all(an_database *database, const char ***names, uint32_t *count,
                        cg_error *error) {
    return known_names(database, false, names, count, error);
}

static const an_factor *factor_of(const an_database *database, const char *condition,
                                  size_t length) {
    for (uint32_t i = 0; i < database->factor_count; i++) {
        const char *name = database->factors[i].name;
        if (strlen(name) == length && memcmp(name, condition, length) == 0) {
            return &database->factors[i];
        }
    }
    return NULL;
}

static bool is_repetition(const char *condition, size_t length) {
    return length == strlen("repetition") && memcmp(condition, "repetition", length) == 0;
}

static cg_status no_such_factor(an_database *database, const char *condition, cg_error *error) {
    const char **names =
        an_pool_take(&database->pool, (size_t)database->factor_count + 1, sizeof *names);
    char *wanted = an_pool_text_part(&database->pool, condition, strcspn(condition, "="));
    if (!names || !wanted) {
        return an_out_of_memory(error);
    }
    for (uint32_t i = 0; i < database->factor_count; i++) {
        names[i] = database->factors[i].name;
    }
    names[database->factor_count] = "repetition";
    return cg_error_set(error, CG_ERROR_NOT_FOUND,
                        "\"%.100s\": experiment %s has no factor \"%.80s\"; the nearest is "
                        "\"%s\"",
                        condition, database->experiment, wanted,
                        cg_nearest_name(wanted, names, (size_t)database->factor_count + 1));
}

cg_status an_where_check(an_database *database, const char *const *where, uint32_t count,
                         cg_error *error) {
    for (uint32_t i = 0; i < count; i++) {
        const char *equals = strchr(where[i], '=');
        if (!equals || equals == where[i]) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "condition \"%.100s\" is not of the form factor=value",
                                where[i]);
        }
        size_t length = (size_t)(equals - where[i]);
        const an_factor *factor = factor_of(database, where[i], length);
        if (!factor && is_repetition(where[i], length)) {
            continue;
        }
        if (!factor) {
            return no_such_factor(database, where[i], error);
        }
        bool known = false;
        for (uint32_t j = 0; j < factor->value_count; j++) {
            known = known || strcmp(factor->values[j], equals + 1) == 0;
        }
        if (!known) {
            return cg_error_set(
                error, CG_ERROR_NOT_FOUND,
                "\"%.100s\": factor %s has no value \"%.80s\"; the nearest is \"%.80s\"",
                where[i], factor->name, equals + 1,
                factor->value_count
                    ? cg_nearest_name(equals + 1, factor->values, factor->value_count)
                    : "");
        }
    }
    return CG_OK;
}

static bool condition_holds(const an_database *database, const char *condition, size_t length,
                            const an_point *point) {
    const an_factor *factor = factor_of(database, condition, length);
    const char *value = condition + length + 1;
    if (!factor) {
        return strtoll(value, NULL, 10) == point->repetition;
    }
    return strcmp(factor->values[point->value_index[factor - database->factors]], value) == 0;
}

bool an_where_holds(const an_database *database, const char *const *where, uint32_t count,
                    const an_point *point) {
    for (uint32_t i = 0; i < count; i++) {
        size_t length = strcspn(where[i], "=");
        bool holds = false;
        for (uint32_t j = 0; j < count; j++) {
            bool same = strncmp(where[i], where[j], length + 1) == 0;
            holds = holds || (same && condition_holds(database, where[j], length, point));
        }
        if (!holds) {
            return false;
        }
    }
    return true;
}
