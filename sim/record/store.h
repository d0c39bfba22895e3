/* An open result database and short sentences for what SQLite says (private to sim/record).
 *
 * Every operation goes through here, so that a full disk, a locked file or a foreign one gives
 * the same sentence wherever it happens.
 */
#ifndef SIM_RECORD_STORE_H
#define SIM_RECORD_STORE_H

#include <sqlite3.h>

#include "engine/base/status.h"

typedef struct sim_store {
    sqlite3 *db;
    const char *path; /* borrowed */
    bool created;     /* the file was not there before */
} sim_store;

/* Opens path for writing and checks that it is one of ours, of this schema version; creates it
 * when `create`. An empty new database has no tables yet (sim_store_is_new). */
cg_status sim_store_open(sim_store *store, const char *path, bool create, cg_error *error);
void sim_store_close(sim_store *store); /* rolls back what is not committed */
/* Closes and removes a file that sim_store_open made: for a beginning that failed. */
void sim_store_discard(sim_store *store);
cg_status sim_store_is_new(sim_store *store, bool *is_new, cg_error *error);

cg_status sim_store_execute(sim_store *store, const char *sql, cg_error *error);
cg_status sim_store_prepare(sim_store *store, const char *sql, sqlite3_stmt **out,
                            cg_error *error);

/* Binds the arguments and runs the statement to its end; it can be run again. One letter of
 * `types` an argument: t const char * (NULL allowed), i int64_t, d double. Texts must live
 * until the call returns. */
cg_status sim_store_step(sim_store *store, sqlite3_stmt *statement, cg_error *error,
                         const char *types, ...);
/* Prepare, step, finalize. */
cg_status sim_store_run(sim_store *store, const char *sql, cg_error *error, const char *types,
                        ...);

/* The sentence for SQLite's last failure on this store, also where rows are read by hand. */
cg_status sim_store_failure(const sim_store *store, cg_error *error);

#endif
