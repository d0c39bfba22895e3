#include "results/identity.h"

#include "results/schema.h"

cg_status cg_identity_check(const char *path, int64_t application_id, int64_t user_version,
                            cg_error *error) {
    if (application_id != CG_SCHEMA_APPLICATION_ID) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "%s is no result database of Cortigrid (its application_id is "
                            "%lld, expected %d)",
                            path, (long long)application_id, CG_SCHEMA_APPLICATION_ID);
    }
    if (user_version > CG_SCHEMA_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "%s has schema version %lld, newer than this program's %d: use the "
                            "program that made it, or another file",
                            path, (long long)user_version, CG_SCHEMA_VERSION);
    }
    if (user_version < CG_SCHEMA_VERSION) {
        return cg_error_set(error, CG_ERROR_VERSION,
                            "%s has schema version %lld and this program needs %d: apply "
                            "results/migrations/%lld.sql and those after it with sqlite3, or "
                            "use another file",
                            path, (long long)user_version, CG_SCHEMA_VERSION,
                            (long long)user_version + 1);
    }
    return CG_OK;
}
