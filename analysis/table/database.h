/* A result database opened for reading: one experiment's plan and states (results/schema.sql).
 *
 * Holds the small things whole: factors, points, views. Figures are queried where they are
 * needed, always with an ORDER BY. Nothing is written, except that SQLite finishes rolling back
 * what a killed run left. Texts and arrays live until an_database_close.
 */
#ifndef AN_TABLE_DATABASE_H
#define AN_TABLE_DATABASE_H

#include <stdio.h>

#include <sqlite3.h>

#include "analysis/table/pool.h"
#include "engine/base/status.h"

typedef struct an_factor {
    const char *name;
    const char **values;
    uint32_t value_count;
} an_factor;

typedef enum an_state { AN_STATE_PENDING, AN_STATE_DONE, AN_STATE_FAILED } an_state;

typedef struct an_point {
    int64_t index;
    int64_t repetition;
    an_state state;
    const char *reason;    /* "" unless failed */
    const char *origin;    /* "" unless done */
    uint32_t *value_index; /* [factor_count] */
} an_point;

typedef struct an_view {
    bool is_plot;
    const char *name;
    const char *title;
    const char *text; /* table: "metric:statistic" lines; plot: "key=value" lines */
} an_view;

typedef struct an_database {
    sqlite3 *db;
    const char *path;
    an_pool pool;
    const char *experiment;
    const char *fingerprint; /* "" until the run has finished */
    an_factor *factors;
    uint32_t factor_count;
    an_point *points; /* ascending index: repetition varies fastest, then the last factor */
    uint32_t point_count;
    an_view *views;
    uint32_t view_count;
} an_database;

/* experiment NULL: the database's only one. Files that are no database, not Cortigrid's or of
 * another schema version are refused, each with its sentence. */
cg_status an_database_open(const char *path, const char *experiment, an_database *out,
                           cg_error *error);
void an_database_close(an_database *database);

/* Position in points of a point_index, or point_count when there is none. */
uint32_t an_database_point(const an_database *database, int64_t point_index);

/* A query with ?1 bound to the experiment's name; step sets *more. Finalize it with
 * sqlite3_finalize. */
cg_status an_database_query(const an_database *database, const char *sql, sqlite3_stmt **out,
                            cg_error *error);
cg_status an_database_step(const an_database *database, sqlite3_stmt *statement, bool *more,
                           cg_error *error);
/* A column's text in the pool; "" for NULL; NULL when memory is out. */
const char *an_database_text(an_database *database, sqlite3_stmt *statement, int column);

static inline cg_status an_out_of_memory(cg_error *error) {
    return cg_error_set(error, CG_ERROR_MEMORY, "out of memory reading results");
}

#endif
