/* Goal: a save leaves the old file or the new one, whole, whenever the process dies and
 * whichever step fails; no temporaries pile up; mappings say what is wrong with a path. */
#include "tests/support/support.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/store/file.h"

enum { SIZE = 200000, PATH_BYTES = 256 };
static char folder[] = "/tmp/file_test_XXXXXX";
static char path[PATH_BYTES];

/* Contents that tell their version in every byte. */
static void fill(uint8_t *bytes, size_t size, uint8_t version) {
    memset(bytes, version, size);
}

static uint32_t count_files(void) {
    DIR *listing = opendir(folder);
    assert_non_null(listing);
    uint32_t count = 0;
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing)) {
        count += entry->d_name[0] != '.';
    }
    closedir(listing);
    return count;
}

/* The version of the file, which must be whole. */
static int version_of(void) {
    sim_file_view view = {0};
    cg_error error;
    assert_ok(sim_file_map(path, &view, &error), error);
    assert_int_equal(view.size_bytes, SIZE);
    for (size_t i = 1; i < view.size_bytes; i++) {
        assert_int_equal(view.bytes[i], view.bytes[0]);
    }
    int version = view.bytes[0];
    sim_file_unmap(&view);
    assert_null(view.bytes);
    return version;
}

static void save(uint8_t version) {
    static uint8_t bytes[SIZE];
    cg_error error;
    fill(bytes, SIZE, version);
    assert_ok(sim_file_save(path, bytes, SIZE, &error), error);
    assert_int_equal(version_of(), version);
}

static void test_round_trip(void **state) {
    (void)state;
    cg_error error;
    save(1);
    save(2);
    assert_int_equal(count_files(), 1);
    sim_file_view old = {0};
    assert_ok(sim_file_map(path, &old, &error), error);
    assert_int_equal((uintptr_t)old.bytes % 64, 0);
    save(3); /* what is mapped stays what it was */
    assert_int_equal(old.bytes[SIZE - 1], 2);
    sim_file_unmap(&old);
    assert_ok(sim_file_save(path, NULL, 0, &error), error);
    assert_ok(sim_file_map(path, &old, &error), error);
    assert_true(old.bytes == NULL && old.size_bytes == 0);
    sim_file_unmap(&old);
}

static void test_bad_paths(void **state) {
    (void)state;
    sim_file_view view = {0};
    cg_error error;
    char missing[PATH_BYTES];
    (void)snprintf(missing, sizeof missing, "%s/no/file", folder);
    assert_status(sim_file_map(missing, &view, &error), CG_ERROR_NOT_FOUND, error, missing);
    assert_status(sim_file_map(folder, &view, &error), CG_ERROR_INVALID, error, "not a file");
    assert_status(sim_file_save(missing, "x", 1, &error), CG_ERROR_IO, error, missing);
    assert_status(sim_file_save("", "x", 1, &error), CG_ERROR_INVALID, error, "empty");
    char *longer = malloc(10001);
    assert_non_null(longer);
    memset(longer, 'a', 10000);
    longer[10000] = '\0';
    assert_status(sim_file_save(longer, "x", 1, &error), CG_ERROR_INVALID, error, "long");
    free(longer);
    assert_status(sim_file_save(folder, "x", 1, &error), CG_ERROR_IO, error, "rename");
    char part[PATH_BYTES];
    (void)snprintf(part, sizeof part, "%s.part", folder);
    assert_int_equal(access(part, F_OK), -1);
    assert_null(view.bytes);
}

typedef struct plot { /* what to do at the n-th step */
    int step;
    int at;
    int refuse_with; /* 0: die */
} plot;

static int act(void *context, const char *step) {
    plot *planned = context;
    (void)step;
    if (planned->step++ != planned->at) {
        return 0;
    }
    if (planned->refuse_with == 0) {
        (void)raise(SIGKILL);
    }
    return planned->refuse_with;
}

static void test_every_step_fails(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    save(4);
    fill(bytes, SIZE, 5);
    for (int at = 0;; at++) {
        plot planned = {.at = at, .refuse_with = ENOSPC};
        sim_file_probe probe = {
            .before = act, .context = &planned, .write_bytes_max = SIZE / 3};
        cg_error error;
        cg_status status = sim_file_save_probed(path, bytes, SIZE, &probe, &error);
        if (status == CG_OK) {
            assert_in_range(at, 10, 12); /* it wrote in four pieces */
            break;
        }
        assert_status(status, CG_ERROR_IO, error, strerror(ENOSPC));
        bool is_new = strstr(error.message, "sync folder") != NULL;
        bool may_be_anothers = strstr(error.message, ": lock:") != NULL ||
                               strstr(error.message, ": check:") != NULL;
        assert_int_equal(version_of(), is_new ? 5 : 4);
        assert_int_equal(count_files(), may_be_anothers ? 2 : 1);
    }
    assert_int_equal(version_of(), 5);
}

static void test_killed_at_every_step(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    int steps = 0;
    for (bool has_died = true; has_died; steps++) {
        save(6);
        fill(bytes, SIZE, 7);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            plot planned = {.at = steps};
            sim_file_probe probe = {
                .before = act, .context = &planned, .write_bytes_max = SIZE / 3};
            _exit(sim_file_save_probed(path, bytes, SIZE, &probe, NULL) == CG_OK ? 0 : 1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        has_died = WIFSIGNALED(status);
        assert_true(has_died || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        int version = version_of();
        assert_true(version == 6 || version == 7);
        assert_true(has_died || version == 7);
        assert_in_range(count_files(), 1, 2);
    }
    assert_in_range(steps, 10, 13);
    save(8); /* takes over what the dead left */
    assert_int_equal(count_files(), 1);
}

static void test_killed_at_any_moment(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    cg_stream stream = cg_stream_init(support_seed(5), "file_test", 0);
    save(0);
    int before = 0;
    uint32_t moved = 0;
    for (int turn = 1; turn <= 40; turn++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) { /* saves on and on, each save a version of its own */
            for (int version = turn;; version = version % 250 + 1) {
                fill(bytes, SIZE, (uint8_t)version);
                if (sim_file_save(path, bytes, SIZE, NULL) != CG_OK) {
                    _exit(1);
                }
            }
        }
        struct timespec pause = {.tv_nsec = (long)cg_stream_next_below(&stream, 8000000)};
        (void)nanosleep(&pause, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        int version = version_of(); /* whole */
        moved += version != before;
        before = version;
        assert_in_range(count_files(), 1, 2);
    }
    assert_true(moved > 0);
}

static int save_inside(void *context, const char *step) {
    cg_status *inner = context;
    if (strcmp(step, "write") == 0) {
        cg_error error;
        *inner = sim_file_save(path, "other", 5, &error);
        assert_true(support_contains(error.message, "under way"));
    }
    return 0;
}

static void test_two_saves(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    cg_status inner = CG_OK;
    cg_error error;
    fill(bytes, SIZE, 9);
    sim_file_probe probe = {.before = save_inside, .context = &inner};
    assert_ok(sim_file_save_probed(path, bytes, SIZE, &probe, &error), error);
    assert_int_equal(inner, CG_ERROR_OVERLOADED);
    assert_int_equal(version_of(), 9);
    assert_int_equal(count_files(), 1);
}

static int refuse_lock(void *context, const char *step) {
    (void)context;
    return strcmp(step, "lock") == 0 ? ENOLCK : 0;
}

static int fail_inside(void *context, const char *step) {
    cg_status *inner = context;
    if (strcmp(step, "write") == 0) {
        sim_file_probe probe = {.before = refuse_lock};
        cg_error error;
        *inner = sim_file_save_probed(path, "other", 5, &probe, &error);
        assert_true(support_contains(error.message, strerror(ENOLCK)));
    }
    return 0;
}

/* A save that gets no lock, for whatever reason, leaves the temporary of the one that has it. */
static void test_no_locks_left(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    cg_status inner = CG_OK;
    cg_error error;
    fill(bytes, SIZE, 10);
    sim_file_probe probe = {.before = fail_inside, .context = &inner};
    assert_ok(sim_file_save_probed(path, bytes, SIZE, &probe, &error), error);
    assert_int_equal(inner, CG_ERROR_IO);
    assert_int_equal(version_of(), 10);
    assert_int_equal(count_files(), 1);
}

static int be_overtaken(void *context, const char *step) {
    const char *part = context;
    if (strcmp(step, "lock") == 0) {
        save(11); /* renames what was opened, and a third save begins */
        FILE *third = fopen(part, "w");
        assert_non_null(third);
        assert_int_equal(fclose(third), 0);
    }
    return strcmp(step, "check") == 0 ? EIO : 0;
}

/* A lock on what has another name by now gives no right to what has the name. */
static void test_overtaken_before_lock(void **state) {
    (void)state;
    char part[PATH_BYTES + 8];
    (void)snprintf(part, sizeof part, "%s.part", path);
    sim_file_probe probe = {.before = be_overtaken, .context = part};
    cg_error error;
    assert_status(sim_file_save_probed(path, "first", 5, &probe, &error), CG_ERROR_IO, error,
                  "check");
    assert_int_equal(access(part, F_OK), 0);
    assert_int_equal(version_of(), 11);
    save(12);
    assert_int_equal(count_files(), 1);
}

static int make_folder(void **state) {
    (void)state;
    if (!mkdtemp(folder)) {
        return 1;
    }
    (void)snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int remove_folder(void **state) {
    (void)state;
    char part[PATH_BYTES + 8];
    (void)snprintf(part, sizeof part, "%s.part", path);
    (void)unlink(part);
    (void)unlink(path);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_every_step_fails),
        cmocka_unit_test(test_killed_at_every_step),
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_two_saves),
        cmocka_unit_test(test_no_locks_left),
        cmocka_unit_test(test_overtaken_before_lock),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
