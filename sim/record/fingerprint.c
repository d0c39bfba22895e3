/* The fingerprint of an experiment: a rolling hash over its ordered rows.
 *
 * Idea: equal results have equal fingerprints whatever worker finished first and whatever the
 * file's bytes are, so rows are read back in the order of their keys. Each query contributes
 * its number, each row its columns with their type, so that no two contents can run into each
 * other. Left out: wall figures, provenance, texts that only describe, and claims, which follow
 * from the rest.
 */
#include "sim/record/fingerprint.h"

#include "engine/base/hash.h"

static const char *const queries[] = {
    "SELECT factor_index, name FROM factor WHERE experiment_name = ? ORDER BY factor_index",
    "SELECT factor_index, value_index, value FROM factor_value WHERE experiment_name = ? "
    "ORDER BY factor_index, value_index",
    "SELECT point_index, repetition, state, origin, fingerprint FROM point "
    "WHERE experiment_name = ? ORDER BY point_index",
    "SELECT point_index, factor_index, value_index FROM point_factor "
    "WHERE experiment_name = ? ORDER BY point_index, factor_index",
    "SELECT point_index, metric, statistic, value, unit FROM metric "
    "WHERE experiment_name = ? AND wall = 0 ORDER BY point_index, metric, statistic",
    "SELECT point_index, metric, unit, buckets FROM histogram "
    "WHERE experiment_name = ? ORDER BY point_index, metric",
    "SELECT point_index, metric, statistic, time_ns, value, unit FROM series "
    "WHERE experiment_name = ? ORDER BY point_index, metric, statistic, time_ns",
    "SELECT point_index, event_index, time_ns, kind, text FROM event "
    "WHERE experiment_name = ? ORDER BY point_index, event_index",
    "SELECT point_index, alert_index, time_ns, severity, text FROM alert "
    "WHERE experiment_name = ? ORDER BY point_index, alert_index",
};

static void add_column(cg_hasher *hasher, sqlite3_stmt *statement, int column) {
    int type = sqlite3_column_type(statement, column);
    cg_hasher_add_u64(hasher, (uint64_t)type);
    switch (type) {
    case SQLITE_INTEGER:
        cg_hasher_add_u64(hasher, (uint64_t)sqlite3_column_int64(statement, column));
        break;
    case SQLITE_FLOAT:
        cg_hasher_add_f64(hasher, sqlite3_column_double(statement, column));
        break;
    case SQLITE_TEXT: {
        const unsigned char *text = sqlite3_column_text(statement, column);
        cg_hasher_add_bytes(hasher, text, (size_t)sqlite3_column_bytes(statement, column));
        break;
    }
    default: /* NULL: its type says it all; STRICT tables without BLOB columns hold no other */
        break;
    }
}

static cg_status add_rows(sim_store *store, const char *sql, const char *experiment_name,
                          cg_hasher *hasher, cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status = sim_store_prepare(store, sql, &statement, error);
    if (status != CG_OK) {
        return status;
    }
    int code = sqlite3_bind_text(statement, 1, experiment_name, -1, SQLITE_STATIC);
    int columns = sqlite3_column_count(statement);
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
        for (int i = 0; code == SQLITE_ROW && i < columns; i++) {
            add_column(hasher, statement, i);
        }
    }
    if (code != SQLITE_DONE) {
        status = sim_store_failure(store, error);
    }
    sqlite3_finalize(statement);
    return status;
}

cg_status sim_fingerprint_compute(sim_store *store, const char *experiment_name, uint64_t *out,
                                  cg_error *error) {
    cg_hasher hasher = cg_hasher_init();
    const size_t count = sizeof queries / sizeof queries[0];
    for (size_t i = 0; i < count; i++) {
        cg_hasher_add_u64(&hasher, i);
        cg_status status = add_rows(store, queries[i], experiment_name, &hasher, error);
        if (status != CG_OK) {
            return status;
        }
    }
    cg_hasher_add_u64(&hasher, count); /* the end of the last query's rows */
    *out = cg_hasher_value(&hasher);
    return CG_OK;
}
