/* Whether a file is a result database of this program's schema version.
 *
 * Its writer (sim/record) and its reader (analysis/table) read the two numbers; what they mean
 * is said here, in the same words for both.
 */
#ifndef CG_RESULTS_IDENTITY_H
#define CG_RESULTS_IDENTITY_H

#include <stdint.h>

#include "engine/base/status.h"

/* CG_ERROR_CORRUPT: not one of ours; CG_ERROR_VERSION: of another schema version. */
cg_status cg_identity_check(const char *path, int64_t application_id, int64_t user_version,
                            cg_error *error);

#endif
