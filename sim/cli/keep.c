#include "sim/cli/keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "analysis/table/database.h"

enum { COPY_BYTES = 65536, UNFINISHED_MAX = 10000, PATH_BYTES = 2048 };

/* Copies to a name of its own first, so that a copy under the final name is always whole. */
static cg_status copy_file(const char *from, const char *to, cg_error *error) {
    char part[PATH_BYTES];
    if (snprintf(part, sizeof part, "%s.part", to) >= PATH_BYTES) {
        return cg_error_set(error, CG_ERROR_INVALID, "-o: the path %s is too long", from);
    }
    FILE *source = fopen(from, "rb");
    FILE *target = source ? fopen(part, "wb") : NULL;
    char block[COPY_BYTES];
    bool whole = target != NULL;
    while (whole) {
        size_t got = fread(block, 1, sizeof block, source);
        if (got == 0) {
            whole = !ferror(source);
            break;
        }
        whole = fwrite(block, 1, got, target) == got;
    }
    whole = whole && fflush(target) == 0 && fsync(fileno(target)) == 0 && rename(part, to) == 0;
    int reason = errno;
    if (source) {
        fclose(source);
    }
    if (target) {
        fclose(target);
    }
    if (!whole) {
        if (target) {
            remove(part);
        }
        return cg_error_set(error, CG_ERROR_IO, "cannot keep the earlier results as %s: %s", to,
                            strerror(reason));
    }
    return CG_OK;
}

/* Where the earlier run goes. *there: it is kept already. */
static void name_kept(const char *path, const char *fingerprint, char *kept,
                      size_t capacity_bytes, bool *there) {
    size_t stem = strlen(path);
    if (stem > 3 && strcmp(path + stem - 3, ".db") == 0) {
        stem -= 3;
    }
    if (fingerprint[0]) {
        snprintf(kept, capacity_bytes, "%.*s-%.16s.db", (int)stem, path, fingerprint);
        *there = access(kept, F_OK) == 0;
        return;
    }
    *there = false;
    for (int number = 1; number < UNFINISHED_MAX; ++number) {
        snprintf(kept, capacity_bytes, "%.*s-unfinished-%d.db", (int)stem, path, number);
        if (access(kept, F_OK) != 0) {
            return;
        }
    }
}

cg_status sim_keep_earlier(const char *path, const char *experiment, char *kept,
                           size_t capacity_bytes, cg_error *error) {
    kept[0] = '\0';
    if (access(path, F_OK) != 0) {
        return CG_OK;
    }
    an_database database;
    cg_error why;
    cg_status status = an_database_open(path, experiment, &database, &why);
    if (status == CG_ERROR_IO || status == CG_ERROR_MEMORY) {
        return cg_error_set(error, status, "%s", why.message);
    }
    if (status != CG_OK) {
        return CG_OK; /* no such experiment, or no database of ours: the recorder refuses that */
    }
    bool there = false;
    bool any = false;
    for (uint32_t i = 0; i < database.point_count; ++i) {
        any = any || database.points[i].state != AN_STATE_PENDING;
    }
    if (any) {
        name_kept(path, database.fingerprint, kept, capacity_bytes, &there);
    }
    an_database_close(&database);
    return any && !there ? copy_file(path, kept, error) : CG_OK;
}
