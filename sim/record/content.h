/* The rows of one point, from the worker's text into an open transaction.
 * Private to sim/record. */
#ifndef SIM_RECORD_CONTENT_H
#define SIM_RECORD_CONTENT_H

#include "sim/record/store.h"

typedef struct sim_content_key {
    const char *experiment_name;
    uint32_t point_index;
} sim_content_key;

/* Removes what an earlier attempt at the point left. */
cg_status sim_content_clear(sim_store *store, sim_content_key key, cg_error *error);

/* What the last line said, borrowed from the text. */
typedef struct sim_content_end {
    const char *origin;
    const char *fingerprint;
    bool broken; /* the worker is to blame for the failure, not the database */
} sim_content_end;

/* Stores every row of `text` (which it cuts up in place). A malformed or repeated row, an error
 * row (the sentence is then the worker's own), rows behind the last line and a missing last
 * line fail with end->broken set; the caller then rolls back. */
cg_status sim_content_store(sim_store *store, sim_content_key key, char *text,
                            sim_content_end *end, cg_error *error);

#endif
