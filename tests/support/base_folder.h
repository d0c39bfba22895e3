/* Folders of base files for tests: a small tiling, a folder for each test below a temporary root, and
 * what is in it.
 */
#ifndef CG_TESTS_SUPPORT_BASE_FOLDER_H
#define CG_TESTS_SUPPORT_BASE_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/tile/base_store.h"
#include "tests/support/support.h"

enum { ROWS = 800, DIMS = 24, PATH_BYTES = 512, HEADER_BYTES = 512 };
static char root[] = "/tmp/base_store_test_XXXXXX";
static char folder[PATH_BYTES]; /* of this test, below the root */
static cg_tiling tiling;
static cg_tile_base_options options;
static cg_runner runner;

static inline sim_base_request request_of(uint32_t base) {
    return (sim_base_request){.folder = folder,
                              .tiling = &tiling,
                              .options = &options,
                              .base = base,
                              .runner = &runner,
                              .check = CG_SEGMENT_CHECK_ALL,
                              .allocator = cg_allocator_heap()};
}

static inline const char *path_of(uint32_t base) {
    static char path[SIM_BASE_PATH_BYTES];
    cg_error error = {0};
    cg_tile_recipe recipe = cg_tile_recipe_of(&tiling, &options, base);
    assert_ok(sim_base_path(folder, &recipe, path, &error), error);
    return path;
}

static inline uint32_t count_files(void) {
    DIR *listing = opendir(folder);
    uint32_t count = 0;
    for (struct dirent *entry = listing ? readdir(listing) : NULL; entry;
         entry = readdir(listing)) {
        count += entry->d_name[0] != '.';
    }
    if (listing) {
        closedir(listing);
    }
    return count;
}

static inline sim_base open_base(uint32_t number, sim_base_source source) {
    sim_base base = {0};
    cg_error error = {0};
    sim_base_request request = request_of(number);
    assert_ok(sim_base_open(&request, &base, &error), error);
    assert_int_equal(base.source, source);
    assert_int_equal(base.number, number);
    assert_int_equal(cg_segment_count(base.segment), ROWS);
    return base;
}

static inline void open_and_close(uint32_t number, sim_base_source source) {
    sim_base base = open_base(number, source);
    sim_base_close(&base);
    assert_null(base.segment);
}

static inline void assert_refused(uint32_t number, cg_status expected, const char *part) {
    sim_base base = {.number = 77};
    cg_error error = {0};
    sim_base_request request = request_of(number);
    assert_status(sim_base_open(&request, &base, &error), expected, error, part);
    assert_int_equal(base.number, 77);
    assert_null(base.segment);
}

static inline void write_file(const char *path, const void *bytes, size_t size_bytes) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    fclose(file);
}

static inline void assert_file_is(const char *path, const void *bytes, size_t size_bytes) {
    size_t held_bytes = 0;
    uint8_t *held = support_read_file(path, &held_bytes);
    assert_int_equal(held_bytes, size_bytes);
    assert_memory_equal(held, bytes, size_bytes);
    free(held);
}

static inline int begin(void **state) {
    static uint32_t number;
    (void)state;
    /* The folder's parents are missing, too. */
    (void)snprintf(folder, sizeof folder, "%s/%u/a/b", root, number++);
    return 0;
}

static inline int exit_of(pid_t child) {
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static inline int make_root(void **state) {
    (void)state;
    cg_error error = {0};
    tiling = (cg_tiling){.law = cg_tile_law_default(DIMS),
                         .metric = CG_METRIC_L2,
                         .seed = 9,
                         .axes = 5,
                         .nodes_a_shard = ROWS};
    options = cg_tile_base_options_default();
    options.m = 6;
    options.ef_construction = 20;
    runner = cg_runner_serial();
    return cg_tiling_init(&tiling, &error) == CG_OK && mkdtemp(root) && chmod(root, 0755) == 0
               ? 0
               : 1;
}

static inline int remove_root(void **state) {
    (void)state;
    char command[PATH_BYTES];
    (void)snprintf(command, sizeof command, "rm -rf -- '%s'", root);
    return system(command); /* NOLINT(cert-env33-c): a path of ours */
}

#endif
