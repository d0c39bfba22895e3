/* The rows of one point, from the worker's text into an open transaction. */
#include "sim/record/content.h"

#include <stdio.h>

#include "sim/record/rows_read.h"

enum { STATEMENTS = SIM_ROW_ALERT + 1 };

static const char *const insert_sql[STATEMENTS] = {
    [SIM_ROW_METRIC] = "INSERT INTO metric (experiment_name, point_index, metric, statistic, "
                       "value, unit, wall) VALUES (?, ?, ?, ?, ?, ?, 0)",
    [SIM_ROW_WALL] = "INSERT INTO metric (experiment_name, point_index, metric, statistic, "
                     "value, unit, wall) VALUES (?, ?, ?, ?, ?, ?, 1)",
    [SIM_ROW_HISTOGRAM] = "INSERT INTO histogram (experiment_name, point_index, metric, unit, "
                          "buckets) VALUES (?, ?, ?, ?, ?)",
    [SIM_ROW_SERIES] = "INSERT INTO series (experiment_name, point_index, metric, statistic, "
                       "time_ns, value, unit) VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SIM_ROW_EVENT] = "INSERT INTO event (experiment_name, point_index, event_index, time_ns, "
                      "kind, text) VALUES (?, ?, ?, ?, ?, ?)",
    [SIM_ROW_ALERT] = "INSERT INTO alert (experiment_name, point_index, alert_index, time_ns, "
                      "severity, text) VALUES (?, ?, ?, ?, ?, ?)",
};

typedef struct inserter {
    sim_store *store;
    sim_content_key key;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t count[STATEMENTS]; /* rows stored of each kind: the index of an event or alert */
} inserter;

cg_status sim_content_clear(sim_store *store, sim_content_key key, cg_error *error) {
    static const char *const tables[] = {"metric", "histogram", "series", "event", "alert"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql,
                 "DELETE FROM %s WHERE experiment_name = ? AND point_index = ?", tables[i]);
        cg_status status = sim_store_run(store, sql, error, "ti", key.experiment_name,
                                         (int64_t)key.point_index);
        if (status != CG_OK) {
            return status;
        }
    }
    return CG_OK;
}

static cg_status insert(inserter *into, const sim_row *row, cg_error *error) {
    sqlite3_stmt **statement = &into->statements[row->kind];
    if (!*statement) {
        cg_status status =
            sim_store_prepare(into->store, insert_sql[row->kind], statement, error);
        if (status != CG_OK) {
            return status;
        }
    }
    const char *name = into->key.experiment_name;
    int64_t point = into->key.point_index;
    int64_t index = into->count[row->kind]++;
    switch (row->kind) {
    case SIM_ROW_METRIC:
    case SIM_ROW_WALL:
        return sim_store_step(into->store, *statement, error, "tittdt", name, point, row->name,
                              row->statistic, row->value, row->unit);
    case SIM_ROW_HISTOGRAM:
        return sim_store_step(into->store, *statement, error, "tittt", name, point, row->name,
                              row->unit, row->text);
    case SIM_ROW_SERIES:
        return sim_store_step(into->store, *statement, error, "tittidt", name, point, row->name,
                              row->statistic, (int64_t)row->time_ns, row->value, row->unit);
    case SIM_ROW_EVENT:
    case SIM_ROW_ALERT:
        return sim_store_step(into->store, *statement, error, "tiiitt", name, point, index,
                              (int64_t)row->time_ns, row->name, row->text);
    case SIM_ROW_ERROR:
    case SIM_ROW_DONE:
        break;
    }
    CG_ASSERT(false);
    return CG_ERROR_INVALID;
}

static cg_status take_row(inserter *into, const sim_row *row, uint32_t line,
                          sim_content_end *end, cg_error *error) {
    if (row->kind == SIM_ROW_ERROR) {
        end->broken = true;
        return cg_error_set(error, CG_ERROR_INVALID, "%s", row->text);
    }
    if (end->origin) {
        end->broken = true;
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "line %u of the worker's output comes after its last line", line);
    }
    if (row->kind == SIM_ROW_DONE) {
        end->origin = row->text;
        end->fingerprint = row->fingerprint;
        return CG_OK;
    }
    cg_error failure = {0};
    cg_status status = insert(into, row, &failure);
    if (status == CG_ERROR_EXISTS) {
        end->broken = true;
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "line %u of the worker's output repeats the row \"%s\"", line,
                            row->name);
    }
    return status == CG_OK ? CG_OK : cg_error_set(error, status, "%s", failure.message);
}

cg_status sim_content_store(sim_store *store, sim_content_key key, char *text,
                            sim_content_end *end, cg_error *error) {
    inserter into = {.store = store, .key = key};
    sim_content_end found = {0};
    sim_rows_reader reader = sim_rows_reader_init(text);
    cg_status status = CG_OK;
    bool more = true;
    while (more && status == CG_OK) {
        sim_row row;
        status = sim_rows_reader_next(&reader, &row, &more, error);
        if (status != CG_OK) {
            found.broken = true;
        } else if (more) {
            status = take_row(&into, &row, reader.line, &found, error);
        }
    }
    if (status == CG_OK && !found.origin) {
        found.broken = true;
        status = cg_error_set(error, CG_ERROR_CORRUPT,
                              "the worker's output ends after %u lines without its last one",
                              reader.line);
    }
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(into.statements[i]);
    }
    *end = found;
    return status;
}
