/* Goal: a base is built once and found ever after; what is damaged is built again, what is somebody
 * else's is never touched or used, and a folder that cannot be written is said to be so and left as
 * it was.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "engine/base/hash.h"
#include "tests/support/base_folder.h"

static void test_built_once(void **state) {
    (void)state;
    sim_base base = open_base(2, SIM_BASE_BUILT);
    assert_int_equal(count_files(), 1); /* neither lock nor temporary is left */
    sim_base again = open_base(2, SIM_BASE_FOUND);
    assert_int_equal(cg_segment_bytes(again.segment), again.segment_bytes);
    assert_true(again.bytes == NULL && base.bytes == NULL); /* both are mapped */
    float vectors[2][DIMS];
    cg_segment_vector(base.segment, 5, vectors[0]);
    cg_segment_vector(again.segment, 5, vectors[1]);
    assert_memory_equal(vectors[0], vectors[1], sizeof vectors[0]);
    sim_base_close(&base);
    cg_segment_vector(again.segment, 5, vectors[1]); /* stands on its own */
    assert_memory_equal(vectors[0], vectors[1], sizeof vectors[0]);
    sim_base_close(&again);
    open_and_close(3, SIM_BASE_BUILT);
    assert_int_equal(count_files(), 2);
}

/* Every byte counts: some of each part of the file are altered, one by one, and it is cut short. */
static void test_damage(void **state) {
    (void)state;
    open_and_close(1, SIM_BASE_BUILT);
    size_t size_bytes = 0;
    uint8_t *sound = support_read_file(path_of(1), &size_bytes);
    static const size_t places[] = {16, 24, 32, 100, 200, 500, 511, 512, 600, 1100, 20000};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        assert_true(places[i] < size_bytes);
        sound[places[i]] ^= 4;
        write_file(path_of(1), sound, size_bytes);
        sound[places[i]] ^= 4;
        sim_base base = open_base(1, SIM_BASE_REPAIRED);
        assert_int_equal(base.trouble.status, CG_ERROR_CORRUPT);
        assert_true(support_contains(base.trouble.message, path_of(1)));
        sim_base_close(&base);
        assert_file_is(path_of(1), sound, size_bytes);
    }
    for (size_t left = 0; left < size_bytes; left += 1 + size_bytes / 5) {
        write_file(path_of(1), sound, left);
        open_and_close(1, SIM_BASE_REPAIRED);
        assert_file_is(path_of(1), sound, size_bytes);
    }
    write_file(path_of(1), sound, 6);
    open_and_close(1, SIM_BASE_REPAIRED);
    open_and_close(1, SIM_BASE_FOUND);
    free(sound);
}

static void test_foreign(void **state) {
    (void)state;
    open_and_close(1, SIM_BASE_BUILT);
    open_and_close(2, SIM_BASE_BUILT);
    size_t size_bytes = 0;
    uint8_t *other = support_read_file(path_of(2), &size_bytes);
    /* Another base under this one's name: nothing about it is damaged. */
    write_file(path_of(1), other, size_bytes);
    assert_refused(1, CG_ERROR_EXISTS, "the file of another base under this one's name");
    assert_file_is(path_of(1), other, size_bytes);
    /* Not ours at all. */
    static const char letter[] = "Dear diary, today";
    write_file(path_of(1), letter, sizeof letter);
    assert_refused(1, CG_ERROR_EXISTS, "is not a file of a base; move it away");
    assert_file_is(path_of(1), letter, sizeof letter);
    write_file(path_of(1), "x", 1);
    assert_refused(1, CG_ERROR_EXISTS, "is not a file of a base");
    /* Another version, of the file and of the segment in it. */
    other[8] = 2;
    write_file(path_of(1), other, size_bytes);
    assert_refused(1, CG_ERROR_VERSION, "is a base file of version 2");
    assert_file_is(path_of(1), other, size_bytes);
    other[8] = 1;
    other[HEADER_BYTES + 8] = 2;
    uint64_t checksum = cg_hash_bytes(other + HEADER_BYTES, 504, 0);
    memcpy(other + HEADER_BYTES + 504, &checksum, sizeof checksum);
    write_file(path_of(2), other, size_bytes);
    assert_refused(2, CG_ERROR_VERSION, path_of(2));
    assert_file_is(path_of(2), other, size_bytes);
    /* A folder where the file should be. */
    assert_int_equal(unlink(path_of(1)), 0);
    assert_int_equal(mkdir(path_of(1), 0777), 0);
    assert_refused(1, CG_ERROR_INVALID, "it is not a file");
    free(other);
}

/* A segment that is whole, under a header that is whole, but of other rows. */
static void test_wrong_segment(void **state) {
    (void)state;
    open_and_close(1, SIM_BASE_BUILT);
    size_t size_bytes = 0;
    uint8_t *sound = support_read_file(path_of(1), &size_bytes);
    tiling.nodes_a_shard = 300;
    uint8_t *segment = NULL;
    size_t segment_bytes = 0;
    cg_error error = {0};
    cg_tile_base_input input = {&tiling, &options, 1, &runner};
    assert_ok(cg_tile_base_build(&input, cg_allocator_heap(), &segment, &segment_bytes, &error),
              error);
    tiling.nodes_a_shard = ROWS;
    assert_true(HEADER_BYTES + segment_bytes < size_bytes);
    uint8_t *forged = malloc(size_bytes);
    assert_non_null(forged);
    memcpy(forged, sound, HEADER_BYTES);
    memcpy(forged + HEADER_BYTES, segment, segment_bytes);
    uint64_t forged_bytes = HEADER_BYTES + segment_bytes;
    memcpy(forged + 16, &forged_bytes, sizeof forged_bytes);
    uint64_t checksum = cg_hash_bytes(forged, 504, 0);
    memcpy(forged + 504, &checksum, sizeof checksum);
    write_file(path_of(1), forged, forged_bytes);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    sim_base base = {0};
    sim_base_request request = request_of(1);
    request.allocator = cg_counting_allocator_view(&counting);
    assert_ok(sim_base_open(&request, &base, &error), error);
    assert_int_equal(base.source, SIM_BASE_REPAIRED);
    assert_true(support_contains(base.trouble.message, "a segment of 300 rows"));
    sim_base_close(&base);
    assert_int_equal(counting.live_blocks, 0);
    assert_file_is(path_of(1), sound, size_bytes);
    cg_allocator heap = cg_allocator_heap();
    cg_deallocate_aligned(&heap, segment, segment_bytes);
    free(forged);
    free(sound);
}

/* --- folders that cannot be written --------------------------------------------------------- */

/* In a child whose files may not grow beyond `bytes`: exits with 0 when `expected` came, and the
 * file system is as it was. */
static void check_limited(rlim_t bytes, bool keep_going) {
    uint32_t files = count_files();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = bytes, .rlim_max = bytes};
        (void)signal(SIGXFSZ, SIG_IGN);
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        sim_base base = {0};
        cg_error error = {0};
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        sim_base_request request = request_of(6);
        request.keep_going = keep_going;
        request.allocator = cg_counting_allocator_view(&counting);
        cg_status status = sim_base_open(&request, &base, &error);
        bool is_said = support_contains(keep_going ? base.trouble.message : error.message,
                                        "File too large");
        bool is_right = keep_going ? status == CG_OK && base.source == SIM_BASE_UNSAVED &&
                                         cg_segment_count(base.segment) == ROWS
                                   : status == CG_ERROR_IO;
        sim_base_close(&base);
        _exit(is_right && is_said && counting.live_blocks == 0 ? 0 : 1);
    }
    assert_int_equal(exit_of(child), 0);
    assert_int_equal(count_files(), files);
}

static void test_full_disk(void **state) {
    (void)state;
    open_and_close(0, SIM_BASE_BUILT);
    check_limited(20000, false);
    check_limited(20000, true);
    check_limited(0, false);
    open_and_close(6, SIM_BASE_BUILT);
    /* A damaged file stays as it is when what should replace it cannot be written. */
    size_t size_bytes = 0;
    uint8_t *bytes = support_read_file(path_of(6), &size_bytes);
    bytes[700] ^= 1;
    write_file(path_of(6), bytes, size_bytes);
    check_limited(20000, false);
    assert_file_is(path_of(6), bytes, size_bytes);
    free(bytes);
}

/* In a child that is nobody in particular, since root may write anywhere: 0 when the refusal came. */
static int refusal_of_closed(void) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sim_base base = {0};
        cg_error error = {0};
        sim_base_request request = request_of(1);
        bool is_dropped = geteuid() != 0 || setuid(65534) == 0;
        cg_status status = sim_base_open(&request, &base, &error);
        bool is_right = is_dropped && status == CG_ERROR_IO &&
                        support_contains(error.message, "cannot lock") &&
                        support_contains(error.message, "Permission denied");
        _exit(is_right ? 0 : 1);
    }
    return exit_of(child);
}

static void test_closed_folder(void **state) {
    (void)state;
    open_and_close(0, SIM_BASE_BUILT);
    assert_int_equal(chmod(folder, 0555), 0);
    open_and_close(0, SIM_BASE_FOUND); /* reading needs no more */
    assert_int_equal(refusal_of_closed(), 0);
    assert_int_equal(count_files(), 1);
    assert_int_equal(chmod(folder, 0777), 0);
    const size_t length = strlen(folder);
    (void)snprintf(folder + length, sizeof folder - length, "/occupied");
    write_file(folder, "x", 1);
    assert_refused(1, CG_ERROR_IO, "cannot");
    sim_base_request request = request_of(1);
    request.keep_going = true;
    sim_base base = {0};
    cg_error error = {0};
    assert_ok(sim_base_open(&request, &base, &error), error);
    assert_int_equal(base.source, SIM_BASE_UNSAVED);
    assert_int_equal(base.trouble.status, CG_ERROR_IO);
    assert_int_equal(cg_segment_count(base.segment), ROWS);
    sim_base_close(&base);
}

static void test_folder_names(void **state) {
    (void)state;
    static const struct {
        const char *chosen;
        const char *cache_home;
        const char *home;
        const char *expected;
    } cases[] = {
        {"here", "/cache", "/home/me", "here"},
        {"", "/cache", "/home/me", "/cache/cortigrid"},
        {NULL, "relative", "/home/me", "/home/me/.cache/cortigrid"},
        {NULL, "", "/home/me", "/home/me/.cache/cortigrid"},
        {NULL, NULL, "/home/me", "/home/me/.cache/cortigrid"},
    };
    char path[SIM_BASE_PATH_BYTES] = "untouched";
    cg_error error = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(
            sim_base_folder(cases[i].chosen, cases[i].cache_home, cases[i].home, path, &error),
            error);
        assert_string_equal(path, cases[i].expected);
    }
    assert_status(sim_base_folder(NULL, NULL, "", path, &error), CG_ERROR_INVALID, error,
                  "neither XDG_CACHE_HOME nor HOME");
    char *endless = malloc(SIM_BASE_PATH_BYTES + 1);
    assert_non_null(endless);
    memset(endless, 'a', SIM_BASE_PATH_BYTES);
    endless[SIM_BASE_PATH_BYTES] = '\0';
    assert_status(sim_base_folder(endless, NULL, NULL, path, &error), CG_ERROR_INVALID, error,
                  "too long");
    assert_string_equal(path, "/home/me/.cache/cortigrid");
    sim_base base = {0};
    sim_base_request request = request_of(0);
    request.folder = endless;
    assert_status(sim_base_open(&request, &base, &error), CG_ERROR_INVALID, error, "too long");
    request = request_of(8);
    assert_status(sim_base_open(&request, &base, &error), CG_ERROR_INVALID, error,
                  "base 8 of a tiling");
    free(endless);
}

static void test_failing_memory(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    sim_base_request request = request_of(5);
    request.allocator = cg_counting_allocator_view(&counting);
    cg_error error = {0};
    cg_status status = CG_ERROR_MEMORY;
    sim_base base = {0};
    uint64_t step = 1;
    for (uint64_t n = 1; status != CG_OK;
         n += step) { /* each fails once, while little is done */
        counting.fail_at = n;
        step = n < 20 ? 1 : 1 + n / 8;
        status = sim_base_open(&request, &base, &error);
        if (status != CG_OK) {
            assert_int_equal(status, CG_ERROR_MEMORY);
            assert_int_equal(counting.live_blocks, 0);
            assert_true(count_files() <= 1); /* it may fail after the base was saved */
        }
    }
    counting.fail_at = 0;
    sim_base_close(&base);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_built_once, begin),
        cmocka_unit_test_setup(test_damage, begin),
        cmocka_unit_test_setup(test_foreign, begin),
        cmocka_unit_test_setup(test_wrong_segment, begin),
        cmocka_unit_test_setup(test_full_disk, begin),
        cmocka_unit_test_setup(test_closed_folder, begin),
        cmocka_unit_test_setup(test_folder_names, begin),
        cmocka_unit_test_setup(test_failing_memory, begin),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
