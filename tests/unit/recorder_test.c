/* Goal: a database never lies and never loses what it held, whatever order points arrive in,
 * whatever a worker writes, and whatever file it is given. */
#include "tests/support/support.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "results/schema.h"
#include "tests/support/results.h"

/* The first column of the first row, as text; static storage. */
static const char *query(const char *path, const char *sql) {
    static char text[512];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    int code = sqlite3_step(statement);
    assert_true(code == SQLITE_ROW || code == SQLITE_DONE);
    const unsigned char *value = code == SQLITE_ROW ? sqlite3_column_text(statement, 0) : NULL;
    snprintf(text, sizeof text, "%s", value ? (const char *)value : "NULL");
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return text;
}

static void store(const char *path, const sim_plan *plan, uint32_t point) {
    cg_error error = {0};
    bool failed = true;
    char *text = results_rows(plan, point, 1.0);
    assert_ok(sim_recorder_point(path, plan, point, text, NULL, &failed, &error), error);
    assert_false(failed);
    free(text);
}

static void test_content(void **state) {
    (void)state;
    const char *path = results_path(".db");
    uint64_t fingerprint = results_make(path, 1.0);
    char hex[32];
    snprintf(hex, sizeof hex, "%016" PRIx64, fingerprint);
    assert_string_equal(query(path, "SELECT fingerprint FROM experiment"), hex);
    assert_string_equal(query(path, "SELECT count(*) FROM point WHERE state = 'done'"), "8");
    assert_string_equal(query(path, "SELECT value FROM metric WHERE point_index = 5 AND "
                                    "metric = 'throughput' AND statistic = 'mean'"),
                        "2002.0");
    assert_string_equal(query(path, "SELECT count(*) FROM metric WHERE wall = 1"), "8");
    assert_string_equal(query(path, "SELECT group_concat(time_ns || kind) FROM event WHERE "
                                    "point_index = 2"),
                        "150000000partition,250000000heal");
    assert_string_equal(query(path, "SELECT count(*) FROM series"), "80");
    assert_string_equal(query(path, "SELECT count(*) FROM histogram"), "8");
    assert_string_equal(query(path, "SELECT value FROM provenance WHERE name = 'revision'"),
                        "abc");
    assert_string_equal(query(path, "PRAGMA foreign_key_check"), "NULL");
    assert_string_equal(query(path, "PRAGMA integrity_check"), "ok");
    unlink(path);
}

/* The order of arrival, as with several jobs, and a point stored twice change nothing. */
static void test_fingerprint_without_order(void **state) {
    (void)state;
    const char *path = results_path(".db");
    uint64_t expected = results_make(path, 1.0);
    cg_error error = {0};
    sim_plan *plan = results_plan();
    uint64_t fingerprint = 0;
    const char *other = results_path(".db");
    assert_ok(sim_recorder_begin(other, plan, NULL, 0, &error), error);
    static const uint32_t order[] = {7, 2, 5, 0, 1, 6, 4, 3, 5};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        store(other, plan, order[i]);
    }
    assert_ok(sim_recorder_finish(other, plan, &fingerprint, &error), error);
    assert_int_equal(fingerprint, expected);
    /* Wall figures and provenance are outside, everything else is inside. */
    (void)query(other, "UPDATE metric SET value = 99 WHERE wall = 1");
    assert_ok(sim_recorder_finish(other, plan, &fingerprint, &error), error);
    assert_int_equal(fingerprint, expected);
    static const char *const changes[] = {
        "UPDATE metric SET value = value + 1e-9 WHERE metric = 'hits' AND point_index = 7",
        "UPDATE series SET time_ns = time_ns + 1 WHERE point_index = 3 AND time_ns = 0",
        "UPDATE event SET text = 'x' WHERE event_index = 1",
        "UPDATE point SET fingerprint = '0000000000000000' WHERE point_index = 0",
        "UPDATE histogram SET unit = 's' WHERE point_index = 0",
        "UPDATE factor_value SET value = '2' WHERE value = '4'",
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint64_t before = fingerprint;
        (void)query(other, changes[i]);
        assert_ok(sim_recorder_finish(other, plan, &fingerprint, &error), error);
        assert_true(fingerprint != before);
    }
    results_plan_free(plan);
    unlink(path);
    unlink(other);
}

/* A run killed between points leaves a database that opens and holds every finished point. */
static void test_killed_between_points(void **state) {
    (void)state;
    cg_error error = {0};
    const char *path = results_path(".db");
    sim_plan *plan = results_plan();
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    store(path, plan, 0);
    store(path, plan, 6);
    assert_string_equal(query(path, "SELECT group_concat(point_index) FROM point WHERE "
                                    "state = 'done'"),
                        "0,6");
    assert_string_equal(query(path, "SELECT count(*) FROM point WHERE state = 'pending'"), "6");
    assert_string_equal(query(path, "SELECT fingerprint FROM experiment"), "NULL");
    /* Going on completes it to the same fingerprint as an unbroken run. */
    for (uint32_t i = 0; i < plan->point_count; i++) {
        if (i != 0 && i != 6) {
            store(path, plan, i);
        }
    }
    uint64_t fingerprint = 0;
    assert_ok(sim_recorder_finish(path, plan, &fingerprint, &error), error);
    const char *whole = results_path(".db");
    assert_int_equal(results_make(whole, 1.0), fingerprint);
    results_plan_free(plan);
    unlink(path);
    unlink(whole);
}

static void test_failed_points(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *death;
        const char *reason;
    } cases[] = {
        {"", "the worker was killed by signal 9", "the worker was killed by signal 9"},
        {"", NULL, "without its last one"},
        {"metric\ta\tmean\t1\t1\n", "it ended with status 1", "it ended with status 1 (the"},
        {"metric\ta\tmean\t1\t1\nmetric\ta\tme", NULL, "line 2 of the worker's output is cut"},
        {"metric\ta\tmean\t1\t1\nerror\tno host 7\n", "status 3", "no host 7"},
        {"metric\ta\tmean\t1\t1\nmetric\ta\tmean\t2\t1\n"
         "done\tbuilt\t0000000000000000\n",
         NULL, "line 2 of the worker's output repeats"},
        {"done\tbuilt\t0000000000000000\nmetric\ta\tmean\t1\t1\n", NULL, "after its last line"},
        {"metric\ta\tmean\tnan\t1\ndone\tbuilt\t0000000000000000\n", NULL, "finite"},
        {"\xff\xfe garbage\n", NULL, "unknown kind"},
    };
    cg_error error = {0};
    const char *path = results_path(".db");
    sim_plan *plan = results_plan();
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool failed = false;
        store(path, plan, 1); /* rows of an earlier attempt must go, too */
        assert_ok(
            sim_recorder_point(path, plan, 1, cases[i].text, cases[i].death, &failed, &error),
            error);
        assert_true(failed);
        assert_string_equal(query(path, "SELECT state FROM point WHERE point_index = 1"),
                            "failed");
        const char *reason = query(path, "SELECT reason FROM point WHERE point_index = 1");
        if (!support_contains(reason, cases[i].reason)) {
            fail_msg("case %zu: reason \"%s\"", i, reason);
        }
        assert_string_equal(query(path, "SELECT (SELECT count(*) FROM metric) + (SELECT "
                                        "count(*) FROM series) + (SELECT count(*) FROM event)"),
                            "0");
    }
    results_plan_free(plan);
    unlink(path);
}

/* Another experiment in the file stays; the same one is replaced as a whole. */
static void test_several_experiments(void **state) {
    (void)state;
    cg_error error = {0};
    const char *path = results_path(".db");
    uint64_t fingerprint = results_make(path, 1.0);
    sim_plan *plan = results_plan();
    free(plan->name);
    plan->name = calloc(8, 1);
    assert_non_null(plan->name);
    memcpy(plan->name, "other", 5);
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    store(path, plan, 3);
    assert_string_equal(query(path, "SELECT count(*) FROM experiment"), "2");
    assert_string_equal(query(path, "SELECT count(*) FROM histogram"), "9");
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    assert_string_equal(query(path, "SELECT count(*) FROM histogram"), "8");
    assert_string_equal(query(path, "SELECT count(*) FROM point WHERE state = 'pending'"), "8");
    uint64_t again = 0;
    sim_plan *first = results_plan();
    assert_ok(sim_recorder_finish(path, first, &again, &error), error);
    assert_int_equal(again, fingerprint);
    /* A plan that is not the stored one is refused: two runs must not mix. */
    bool failed = false;
    char *text = results_rows(first, 0, 1.0);
    (void)query(path, "UPDATE point SET options = 'x' WHERE experiment_name = 'demo'");
    assert_status(sim_recorder_point(path, first, 0, text, NULL, &failed, &error),
                  CG_ERROR_NOT_FOUND, error, "another run has replaced");
    free(text);
    results_plan_free(first);
    results_plan_free(plan);
    unlink(path);
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static cg_status begin(const char *path, cg_error *error) {
    sim_plan *plan = results_plan();
    cg_status status = sim_recorder_begin(path, plan, NULL, 0, error);
    results_plan_free(plan);
    return status;
}

static void test_refused_files(void **state) {
    (void)state;
    cg_error error = {0};
    const char *path = results_path(".db");
    write_file(path, "This is a letter, and long enough to be read as a header of a file.\n");
    assert_status(begin(path, &error), CG_ERROR_CORRUPT, error, "no result database");
    size_t size_bytes = 0;
    uint8_t *bytes = support_read_file(path, &size_bytes);
    assert_memory_equal(bytes, "This is a letter", 16);
    free(bytes);
    unlink(path);

    (void)results_make(path, 1.0);
    (void)query(path, "PRAGMA user_version = 3");
    assert_status(begin(path, &error), CG_ERROR_VERSION, error, "newer than this program's 2");
    (void)query(path, "PRAGMA user_version = 1");
    assert_status(begin(path, &error), CG_ERROR_VERSION, error, "results/migrations/2.sql");
    (void)query(path, "PRAGMA application_id = 5");
    assert_status(begin(path, &error), CG_ERROR_CORRUPT, error, "no result database of");
    assert_string_equal(query(path, "SELECT count(*) FROM histogram"), "8");
    assert_int_equal(truncate(path, 5000), 0);
    assert_int_equal(begin(path, &error), CG_ERROR_CORRUPT);
    unlink(path);

    /* A file of no bytes is a new database. */
    write_file(path, "");
    assert_ok(begin(path, &error), error);
    unlink(path);
}

static void test_refused_places(void **state) {
    (void)state;
    cg_error error = {0};
    assert_status(begin("/nonexistent/x.db", &error), CG_ERROR_IO, error, "/nonexistent");
    assert_status(begin("/tmp", &error), CG_ERROR_IO, error, "folder");
    assert_status(begin("/dev/null", &error), CG_ERROR_IO, error, "no regular file");
    assert_status(begin("/proc/x.db", &error), CG_ERROR_IO, error, "/proc");
    assert_status(begin("", &error), CG_ERROR_INVALID, error, "names no file");
    assert_status(begin(":memory:", &error), CG_ERROR_INVALID, error, "names no file");
    if (geteuid() != 0) { /* root may write anywhere */
        const char *folder = results_path("");
        char path[300];
        assert_int_equal(mkdir(folder, 0555), 0);
        snprintf(path, sizeof path, "%s/x.db", folder);
        assert_status(begin(path, &error), CG_ERROR_IO, error, folder);
        rmdir(folder);
    }
    sim_plan *plan = results_plan();
    bool failed = false;
    assert_status(
        sim_recorder_point("/tmp/cortigrid-none.db", plan, 0, "", NULL, &failed, &error),
        CG_ERROR_NOT_FOUND, error, "there is no database");
    assert_int_not_equal(access("/tmp/cortigrid-none.db", F_OK), 0);
    results_plan_free(plan);
}

/* A file that cannot grow, as on a full disk: what was there stays, and afterwards it goes on.
 */
static void test_full_disk(void **state) {
    (void)state;
    cg_error error = {0};
    const char *path = results_path(".db");
    sim_plan *plan = results_plan();
    assert_ok(sim_recorder_begin(path, plan, NULL, 0, &error), error);
    store(path, plan, 0);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit tight = {.rlim_cur = (rlim_t)about.st_size, .rlim_max = old.rlim_max};
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    cg_status status = CG_OK;
    uint32_t stored = 0;
    for (uint32_t i = 1; i < plan->point_count && status == CG_OK; i++) {
        bool failed = false;
        char *text = results_rows(plan, i, 1.0);
        status = sim_recorder_point(path, plan, i, text, NULL, &failed, &error);
        stored += status == CG_OK;
        free(text);
    }
    const char *fresh = results_path(".db");
    struct rlimit none = {.rlim_cur = 8192, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    cg_error fresh_error = {0};
    cg_status fresh_status = sim_recorder_begin(fresh, plan, NULL, 0, &fresh_error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, before);
    assert_status(status, CG_ERROR_IO, error, "what it held is unharmed");
    assert_status(fresh_status, CG_ERROR_IO, fresh_error, "unharmed");
    assert_int_not_equal(access(fresh, F_OK), 0); /* no half-made file stays */
    char expected[16];
    snprintf(expected, sizeof expected, "%u", stored + 1);
    assert_string_equal(query(path, "SELECT count(*) FROM point WHERE state = 'done'"),
                        expected);
    assert_string_equal(query(path, "PRAGMA integrity_check"), "ok");
    for (uint32_t i = stored + 1; i < plan->point_count; i++) {
        store(path, plan, i);
    }
    results_plan_free(plan);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_content),
        cmocka_unit_test(test_fingerprint_without_order),
        cmocka_unit_test(test_killed_between_points),
        cmocka_unit_test(test_failed_points),
        cmocka_unit_test(test_several_experiments),
        cmocka_unit_test(test_refused_files),
        cmocka_unit_test(test_refused_places),
        cmocka_unit_test(test_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
