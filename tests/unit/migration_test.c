/* Goal: a migration makes of an older database exactly what a new one is, loses nothing, and leaves
 * a database of another version as it was; before it the database is refused by name of the file.
 */
#include "tests/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "analysis/table/claim.h"
#include "results/schema.h"
#include "tests/support/results.h"

static sqlite3 *open_db(const char *path) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

/* SQL's file as its shell runs it: lines that begin with a dot are the shell's, and ".bail on" ends
 * it at the first failure. */
static int run_file(sqlite3 *db, const char *path) {
    size_t size_bytes = 0;
    char *text = (char *)support_read_file(path, &size_bytes);
    for (char *line = text; line && *line; line = strchr(line, '\n'), line += line ? 1 : 0) {
        if (*line == '.') {
            assert_int_equal(strncmp(line, ".bail on\n", 9), 0);
            line[0] = line[1] = '-';
        }
    }
    int code = sqlite3_exec(db, text, NULL, NULL, NULL);
    free(text);
    return code;
}

/* All rows of a query, a line each; free with free(). */
static char *rows(sqlite3 *db, const char *sql) {
    char *text = NULL;
    size_t size_bytes = 0;
    FILE *out = open_memstream(&text, &size_bytes);
    sqlite3_stmt *statement = NULL;
    assert_non_null(out);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const unsigned char *value = sqlite3_column_text(statement, i);
            fprintf(out, "%s|", value ? (const char *)value : "NULL");
        }
        fputc('\n', out);
    }
    sqlite3_finalize(statement);
    fclose(out);
    return text;
}

static void same_rows(sqlite3 *one, sqlite3 *other, const char *sql) {
    char *left = rows(one, sql);
    char *right = rows(other, sql);
    assert_string_equal(left, right);
    assert_true(strlen(left) > 0);
    free(left);
    free(right);
}

static const char content[] =
    "INSERT INTO experiment VALUES ('e','f','q','s','h',1,1,'0123456789abcdef');"
    "INSERT INTO experiment VALUES ('f','f','q','s','h',1,0,NULL);"
    "INSERT INTO point VALUES ('e',0,1,'done',NULL,'built','0123456789abcdef','a = b');"
    "INSERT INTO metric VALUES ('e',0,'latency','mean',1.5,'ns',0);"
    "INSERT INTO claim VALUES ('e','CL-02','m','s','n=1','<',2,'ms',1,'met');"
    "INSERT INTO claim VALUES ('e','CL-01','m','s','','>=',1,'x',NULL,'open');"
    "INSERT INTO claim VALUES ('f','CL-02','m','s','','=',1,'x',NULL,'open');";

static void version_1_becomes_2(void **state) {
    (void)state;
    char path[128];
    cg_error error = {0};
    an_database database;
    snprintf(path, sizeof path, "%s", results_path(".db"));
    sqlite3 *old = open_db(path);
    assert_int_equal(run_file(old, "tests/support/schema_1.sql"), SQLITE_OK);
    assert_int_equal(sqlite3_exec(old, content, NULL, NULL, NULL), SQLITE_OK);
    assert_status(an_database_open(path, "e", &database, &error), CG_ERROR_VERSION, error,
                  "has schema version 1 and this program needs 2: apply "
                  "results/migrations/2.sql and those after it with sqlite3");
    assert_int_equal(run_file(old, "results/migrations/2.sql"), SQLITE_OK);
    sqlite3 *fresh = open_db(":memory:");
    assert_int_equal(sqlite3_exec(fresh, cg_schema_sql, NULL, NULL, NULL), SQLITE_OK);
    same_rows(old, fresh, "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name");
    same_rows(old, fresh, "PRAGMA user_version");
    same_rows(old, fresh, "PRAGMA application_id");
    char *claims =
        rows(old, "SELECT experiment_name, claim_index, claim_name, operator, bound, "
                  "unit, value, verdict FROM claim");
    assert_string_equal(claims, "e|0|CL-01|>=|1.0|x|NULL|open|\n"
                                "e|1|CL-02|<|2.0|ms|NULL|open|\n"
                                "f|0|CL-02|=|1.0|x|NULL|open|\n");
    free(claims);
    char *rest =
        rows(old, "SELECT (SELECT count(*) FROM experiment), (SELECT value FROM metric), "
                  "(SELECT options FROM point)");
    assert_string_equal(rest, "2|1.5|a = b|\n");
    free(rest);
    rest = rows(old, "PRAGMA foreign_key_check");
    assert_string_equal(rest, "");
    free(rest);
    sqlite3_close(fresh);
    sqlite3_close(old);
    assert_ok(an_database_open(path, "e", &database, &error), error);
    an_claim *read = NULL;
    uint32_t count = 0;
    assert_ok(an_claims_read(&database, &read, &count, &error), error);
    assert_int_equal(count, 2);
    assert_string_equal(read[1].name, "CL-02");
    an_database_close(&database);
    unlink(path);
}

/* A second time, or on a database of today, nothing happens. */
static void another_version_is_left_alone(void **state) {
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s", results_path(".db"));
    (void)results_make(path, 1.0);
    sqlite3 *db = open_db(path);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO claim (experiment_name, claim_index, claim_name, metric, "
                     "statistic, selector, operator, bound, unit, note, wall, verdict) VALUES "
                     "('demo', 0, 'CL-01', 'm', 's', '', '<', 1, 'ms', 'kept', 0, 'open')",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(run_file(db, "results/migrations/2.sql"), SQLITE_CONSTRAINT);
    assert_false(sqlite3_get_autocommit(db)); /* the shell ends here, and so rolls back */
    sqlite3_close(db);
    db = open_db(path);
    char *claims = rows(db, "SELECT claim_name, note FROM claim");
    assert_string_equal(claims, "CL-01|kept|\n");
    free(claims);
    sqlite3_close(db);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_1_becomes_2),
        cmocka_unit_test(another_version_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
