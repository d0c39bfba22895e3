/* The result database: the only writer of SQLite (spec I1; results/schema.sql).
 *
 * Opened for each point's short transaction and closed again, so that worker processes are
 * always forked with no connection open (an SQLite connection must not cross a fork), and a
 * killed run loses at most the points in flight. Keys come from point indices, never from
 * insertion order. A failure of any of these leaves the database as it was.
 */
#ifndef SIM_RECORD_RECORDER_H
#define SIM_RECORD_RECORDER_H

#include "engine/base/status.h"
#include "results/claim.h"
#include "sim/scenario/scenario.h"

/* Revision, library versions, profile hash, seed ... */
typedef struct sim_provenance {
    const char *name;
    const char *value;
} sim_provenance;

/* Makes the database at path, or replaces the content of the experiment of the same name in it,
 * in one transaction: experiment, factors, points (state 'pending'), views, claims
 * (open), provenance. Other experiments in it stay. A file that is no database, is not
 * Cortigrid's, or has another schema version is refused and left as it is; a new file whose
 * beginning failed is removed. */
cg_status sim_recorder_begin(const char *path, const sim_plan *plan,
                             const sim_provenance *provenance, uint32_t provenance_count,
                             cg_error *error);

/* Stores the rows of one point (the worker's whole output) in one transaction: state 'done', or
 * 'failed' with a reason and without rows when the text has an error row, is malformed, or
 * lacks its last line (`death` then says how the worker ended, or NULL). *failed says which;
 * error->message then holds the reason, though CG_OK is returned. Storing a point again
 * replaces it. Refused when the database's point is not the plan's (another run replaced the
 * experiment). */
cg_status sim_recorder_point(const char *path, const sim_plan *plan, uint32_t point_index,
                             const char *rows_text, const char *death, bool *failed,
                             cg_error *error);

/* Stores what became of the plan's claims, outcomes[plan->claim_count] in their order, in one
 * transaction. Refused when the database's claims are not the plan's. A point that is stored
 * afterwards opens them again. */
cg_status sim_recorder_claims(const char *path, const sim_plan *plan,
                              const cg_claim_outcome *outcomes, cg_error *error);

/* Computes and stores the experiment's fingerprint over its ordered rows (without wall
 * figures and claims); shown as 16 hex digits. */
cg_status sim_recorder_finish(const char *path, const sim_plan *plan, uint64_t *fingerprint,
                              cg_error *error);

/* Of SQLite, for provenance: "3.40.1". Static storage. */
const char *sim_recorder_library_version(void);

#endif
