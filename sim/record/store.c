/* Opening result databases, and sentences for what SQLite says. */
#include "sim/record/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "results/identity.h"

enum { BUSY_WAIT_MS = 5000 };

cg_status sim_store_failure(const sim_store *store, cg_error *error) {
    int code = sqlite3_extended_errcode(store->db);
    int system_error = sqlite3_system_errno(store->db);
    const char *path = store->path;
    switch (code & 0xff) {
    case SQLITE_FULL:
        return cg_error_set(error, CG_ERROR_IO,
                            "the disk is full: %s cannot grow (what it held is unharmed)",
                            path);
    case SQLITE_NOTADB:
        return cg_error_set(error, CG_ERROR_CORRUPT, "%s is no result database", path);
    case SQLITE_CORRUPT:
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the database %s is damaged: truncated or altered", path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return cg_error_set(error, CG_ERROR_IO, "%s is in use by another program", path);
    case SQLITE_READONLY:
        return cg_error_set(error, CG_ERROR_IO,
                            "%s cannot be written: it or its folder is read-only", path);
    case SQLITE_NOMEM:
        return cg_error_set(error, CG_ERROR_MEMORY, "out of memory writing %s", path);
    case SQLITE_CONSTRAINT:
        return cg_error_set(error, CG_ERROR_EXISTS, "%s refuses a row: %s", path,
                            sqlite3_errmsg(store->db));
    case SQLITE_IOERR:
        return cg_error_set(error, CG_ERROR_IO,
                            "cannot write %s: %s (what it held is unharmed)", path,
                            system_error ? strerror(system_error) : sqlite3_errmsg(store->db));
    default:
        return cg_error_set(error, CG_ERROR_IO, "cannot use %s: %s", path,
                            sqlite3_errmsg(store->db));
    }
}

/* SQLite says only "unable to open database file"; the path says why. */
static cg_status explain_open(const char *path, const char *problem, cg_error *error) {
    struct stat about;
    char folder[4096];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) {
        return cg_error_set(error, CG_ERROR_INVALID, "the path %.80s... is too long", path);
    }
    memcpy(folder, path, length);
    folder[length] = '\0';
    const char *shown = slash == path ? "/" : slash ? folder : ".";
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        return cg_error_set(error, CG_ERROR_IO,
                            "%s is a folder, expected a file for the results", path);
    }
    if (stat(shown, &about) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write %s: its folder %s: %s", path,
                            shown, strerror(errno));
    }
    if (!S_ISDIR(about.st_mode)) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write %s: %s is no folder", path,
                            shown);
    }
    if (access(shown, W_OK) != 0) {
        return cg_error_set(error, CG_ERROR_IO, "cannot write %s: its folder %s: %s", path,
                            shown, strerror(errno));
    }
    return cg_error_set(error, CG_ERROR_IO, "cannot open %s: %s", path, problem);
}

static cg_status read_number(sim_store *store, const char *sql, int64_t *out, cg_error *error) {
    sqlite3_stmt *statement = NULL;
    cg_status status = sim_store_prepare(store, sql, &statement, error);
    if (status != CG_OK) {
        return status;
    }
    if (sqlite3_step(statement) == SQLITE_ROW) {
        *out = sqlite3_column_int64(statement, 0);
    } else {
        status = sim_store_failure(store, error);
    }
    sqlite3_finalize(statement);
    return status;
}

cg_status sim_store_is_new(sim_store *store, bool *is_new, cg_error *error) {
    int64_t tables = 0;
    cg_status status = read_number(store, "SELECT count(*) FROM sqlite_schema", &tables, error);
    if (status == CG_OK) {
        *is_new = tables == 0;
    }
    return status;
}

static cg_status check_identity(sim_store *store, bool create, cg_error *error) {
    int64_t id = 0;
    int64_t version = 0;
    bool is_new = false;
    cg_status status = sim_store_is_new(store, &is_new, error);
    if (status == CG_OK) {
        status = read_number(store, "PRAGMA application_id", &id, error);
    }
    if (status == CG_OK) {
        status = read_number(store, "PRAGMA user_version", &version, error);
    }
    if (status != CG_OK || (is_new && create && id == 0 && version == 0)) {
        return status;
    }
    return cg_identity_check(store->path, id, version, error);
}

cg_status sim_store_open(sim_store *store, const char *path, bool create, cg_error *error) {
    /* Names with a meaning of their own to SQLite: a database that vanishes. */
    if (!*path || strcmp(path, ":memory:") == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "\"%s\" names no file, expected a path for the results", path);
    }
    struct stat about;
    sim_store opened = {.path = path, .created = stat(path, &about) != 0};
    if (opened.created && !create) {
        return cg_error_set(error, CG_ERROR_NOT_FOUND, "there is no database %s", path);
    }
    /* Opening a pipe would wait for its other end. */
    if (!opened.created && !S_ISREG(about.st_mode)) {
        return cg_error_set(error, CG_ERROR_IO, "%s is %s, expected a file for the results",
                            path, S_ISDIR(about.st_mode) ? "a folder" : "no regular file");
    }
    int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
    int code = sqlite3_open_v2(path, &opened.db, flags, NULL);
    if (code != SQLITE_OK) {
        int reason = opened.db ? sqlite3_system_errno(opened.db) : 0;
        const char *problem = reason != 0 ? strerror(reason) : sqlite3_errstr(code);
        cg_status status = explain_open(path, problem, error);
        sqlite3_close(opened.db);
        return status;
    }
    sqlite3_extended_result_codes(opened.db, 1);
    sqlite3_busy_timeout(opened.db, BUSY_WAIT_MS);
    cg_status status = CG_OK;
    if (sqlite3_db_readonly(opened.db, "main") == 1) {
        status =
            cg_error_set(error, CG_ERROR_IO, "%s cannot be written: it is read-only", path);
    }
    if (status == CG_OK) {
        status = check_identity(&opened, create, error);
    }
    if (status == CG_OK) {
        status = sim_store_execute(&opened, "PRAGMA foreign_keys = ON", error);
    }
    if (status != CG_OK) {
        sim_store_discard(&opened);
        return status;
    }
    *store = opened;
    return CG_OK;
}

void sim_store_close(sim_store *store) {
    sqlite3_close(store->db);
    store->db = NULL;
}

void sim_store_discard(sim_store *store) {
    sim_store_close(store);
    if (store->created) {
        (void)unlink(store->path);
    }
}

cg_status sim_store_execute(sim_store *store, const char *sql, cg_error *error) {
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        return sim_store_failure(store, error);
    }
    return CG_OK;
}

cg_status sim_store_prepare(sim_store *store, const char *sql, sqlite3_stmt **out,
                            cg_error *error) {
    if (sqlite3_prepare_v2(store->db, sql, -1, out, NULL) != SQLITE_OK) {
        return sim_store_failure(store, error);
    }
    return CG_OK;
}

static cg_status step(sim_store *store, sqlite3_stmt *statement, const char *types,
                      va_list arguments, cg_error *error) {
    int code = SQLITE_OK;
    for (int i = 0; types[i] && code == SQLITE_OK; i++) {
        if (types[i] == 't') {
            code = sqlite3_bind_text(statement, i + 1, va_arg(arguments, const char *), -1,
                                     SQLITE_STATIC);
        } else if (types[i] == 'd') {
            code = sqlite3_bind_double(statement, i + 1, va_arg(arguments, double));
        } else {
            CG_ASSERT(types[i] == 'i');
            code = sqlite3_bind_int64(statement, i + 1, va_arg(arguments, int64_t));
        }
    }
    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(statement);
    }
    cg_status status = code == SQLITE_DONE ? CG_OK : sim_store_failure(store, error);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return status;
}

cg_status sim_store_step(sim_store *store, sqlite3_stmt *statement, cg_error *error,
                         const char *types, ...) {
    va_list arguments;
    va_start(arguments, types);
    cg_status status = step(store, statement, types, arguments, error);
    va_end(arguments);
    return status;
}

cg_status sim_store_run(sim_store *store, const char *sql, cg_error *error, const char *types,
                        ...) {
    sqlite3_stmt *statement = NULL;
    cg_status status = sim_store_prepare(store, sql, &statement, error);
    if (status != CG_OK) {
        return status;
    }
    va_list arguments;
    va_start(arguments, types);
    status = step(store, statement, types, arguments, error);
    va_end(arguments);
    sqlite3_finalize(statement);
    return status;
}
