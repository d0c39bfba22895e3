/* Nothing stored is lost: before a run replaces an experiment, the database as it was is kept
 * beside it.
 */
#ifndef SIM_CLI_KEEP_H
#define SIM_CLI_KEEP_H

#include "engine/base/status.h"

/* When the database at path holds the experiment, copies the file to NAME-FINGERPRINT.db (a
 * finished run) or NAME-unfinished-N.db, and puts that name into kept (empty when there was
 * nothing to keep). A finished run that is kept already is not copied again. */
cg_status sim_keep_earlier(const char *path, const char *experiment, char *kept,
                           size_t capacity_bytes, cg_error *error);

#endif
