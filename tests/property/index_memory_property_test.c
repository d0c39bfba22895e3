/* Goal: when the n-th allocation fails, for every n, each call on an index says so and leaves
 * the index as it was, to the byte; done again it gives what it would have given; and nothing
 * is leaked. A repair that a removal or an update does by the way may go wrong unnoticed. */
#include "tests/support/index_check.h"
#include "tests/support/index_rig.h"
#include "tests/support/runner.h"

static uint64_t seed;

enum { COUNT = 240, MORE = 120, DIMS = 20, CALLS_MOST = 500 };

static float *rows; /* [(COUNT + MORE) * DIMS] */
static uint64_t ids[COUNT + MORE];

typedef cg_status (*operation)(cg_index *index, const cg_runner *runner, cg_work *work,
                               cg_error *error);

static cg_status add(cg_index *index, uint32_t first, uint32_t count, const cg_runner *runner,
                     cg_work *work, cg_error *error) {
    cg_index_rows part = {.vectors = rows + (size_t)first * DIMS,
                          .ids = index->options.has_ids ? ids + first : NULL,
                          .count = count};
    return cg_index_add(index, &part, runner, work, error);
}

static cg_status do_train(cg_index *index, const cg_runner *runner, cg_work *work,
                          cg_error *error) {
    (void)runner;
    (void)work;
    return cg_index_train(index, rows, COUNT, error);
}

static cg_status do_add_first(cg_index *index, const cg_runner *runner, cg_work *work,
                              cg_error *error) {
    return add(index, 0, COUNT, runner, work, error);
}

static cg_status do_add_more(cg_index *index, const cg_runner *runner, cg_work *work,
                             cg_error *error) {
    return add(index, COUNT, MORE, runner, work, error);
}

static cg_status do_remove_some(cg_index *index, const cg_runner *runner, cg_work *work,
                                cg_error *error) {
    return cg_index_remove(index, ids + 10, 20, runner, work, error);
}

static cg_status do_remove_many(cg_index *index, const cg_runner *runner, cg_work *work,
                                cg_error *error) {
    return cg_index_remove(index, ids + 40, 150, runner, work, error);
}

static cg_status do_repair(cg_index *index, const cg_runner *runner, cg_work *work,
                           cg_error *error) {
    return cg_index_repair(index, runner, work, error);
}

static cg_status do_update(cg_index *index, const cg_runner *runner, cg_work *work,
                           cg_error *error) {
    cg_index_rows part = {.vectors = rows + (size_t)COUNT * DIMS, .ids = ids + 30, .count = 80};
    return cg_index_update(index, &part, runner, work, error);
}

typedef struct attempt {
    operation before[2]; /* what leads to the state, or NULL */
    operation operation;
    const char *name;
    bool may_succeed; /* without the repair by the way */
} attempt;

static const attempt attempts[] = {
    {{NULL, NULL}, do_train, "train", false},
    {{NULL, NULL}, do_add_first, "add first", false},
    {{do_add_first, NULL}, do_add_more, "add more", false},
    {{do_add_first, do_remove_many}, do_add_more, "add to free rows", false},
    {{do_add_first, NULL}, do_remove_some, "remove some", false},
    {{do_add_first, NULL}, do_remove_many, "remove many", true},
    {{do_add_first, do_remove_some}, do_repair, "repair", false},
    {{do_add_first, NULL}, do_update, "update", true},
};

/* What is held, but for the few bytes that aligning a block takes. */
static void assert_states_memory(const cg_counting_allocator *counting, uint64_t size_bytes) {
    assert_true(size_bytes <= counting->live_bytes);
    assert_true(size_bytes + 64 * counting->live_blocks >= counting->live_bytes);
}

/* The hash of the state that an attempt begins with. */
static uint64_t prepare(const cg_index_options *options, const attempt *tried,
                        const cg_runner *runner, cg_allocator allocator, cg_index **index) {
    cg_error error;
    *index = rig_index_in(options, allocator);
    for (int i = 0; i < 2; i++) {
        if (tried->before[i]) {
            assert_ok(tried->before[i](*index, runner, NULL, &error), error);
        }
    }
    return cg_index_hash(*index);
}

/* Fails the n-th allocation; false when there are not so many. */
static bool fail_nth(const cg_index_options *options, const attempt *tried, uint64_t n,
                     uint64_t hash_after, uint32_t *failures) {
    support_disorder disorder;
    cg_runner runner = support_disordered(&disorder, seed, 2);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_index *index = NULL;
    uint64_t hash =
        prepare(options, tried, &runner, cg_counting_allocator_view(&counting), &index);
    uint32_t count = cg_index_count(index);
    cg_work work = {0};
    const cg_work none = {0};
    cg_error error;
    counting.fail_at = n;
    cg_status status = tried->operation(index, &runner, &work, &error);
    bool has_failed = counting.fail_at == 0;
    counting.fail_at = 0;
    if (status != CG_OK) {
        assert_status(status, CG_ERROR_MEMORY, error, "memory");
        assert_true(has_failed);
        assert_true(cg_index_hash(index) == hash);
        assert_int_equal(cg_index_count(index), count);
        assert_memory_equal(&work, &none, sizeof work);
        assert_ok(tried->operation(index, &runner, NULL, &error), error);
        assert_true(cg_index_hash(index) == hash_after);
        (*failures)++;
    } else {
        assert_true(!has_failed || tried->may_succeed);
        rig_repair(index);
    }
    if (options->kind == CG_INDEX_HNSW) {
        check_graph(index);
    }
    assert_states_memory(&counting, cg_index_bytes(index));
    cg_index_free(index);
    assert_int_equal(counting.live_blocks, 0);
    assert_int_equal(counting.live_bytes, 0);
    return has_failed;
}

static void check_all(const cg_index_options *options) {
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
        const attempt *tried = &attempts[i];
        bool needs_ids = tried->operation != do_train && tried->operation != do_add_first &&
                         (tried->operation != do_add_more || tried->before[1]);
        if (needs_ids && !options->has_ids) {
            continue;
        }
        support_disorder disorder;
        cg_runner runner = support_disordered(&disorder, seed, 2);
        cg_index *index = NULL;
        cg_error error;
        (void)prepare(options, tried, &runner, cg_allocator_heap(), &index);
        assert_ok(tried->operation(index, &runner, NULL, &error), error);
        uint64_t hash_after = cg_index_hash(index);
        cg_index_free(index);
        uint32_t failures = 0;
        uint64_t n = 1;
        while (fail_nth(options, tried, n, hash_after, &failures)) {
            n++;
            assert_true(n < CALLS_MOST);
        }
        print_message("%s: %llu allocations, %u failures\n", tried->name,
                      (unsigned long long)n - 1, failures);
        bool is_certain = tried->operation == do_add_first || tried->operation == do_add_more;
        assert_true(failures > 0 || !is_certain);
    }
}

static void test_every_call(void **state) {
    (void)state;
    cg_index_options flat = rig_options(CG_INDEX_FLAT, DIMS, 8);
    cg_index_options floats = rig_options(CG_INDEX_HNSW, DIMS, 8);
    cg_index_options codes = floats;
    flat.has_ids = true;
    codes.has_ids = true;
    codes.codes = CG_PRECISION_I8;
    codes.fuller = CG_PRECISION_F16;
    check_all(&flat);
    check_all(&floats);
    check_all(&codes);
    codes.capacity = COUNT + MORE;
    check_all(&codes);
}

static void test_alloc(void **state) {
    (void)state;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 8);
    options.has_ids = true;
    options.codes = CG_PRECISION_I8;
    options.capacity = 100;
    cg_status status = CG_ERROR_MEMORY;
    uint64_t n = 1;
    for (; status != CG_OK; n++) {
        cg_index *index = NULL;
        cg_error error;
        counting.fail_at = n;
        status =
            cg_index_alloc(&options, cg_counting_allocator_view(&counting), &index, &error);
        counting.fail_at = 0;
        if (status != CG_OK) {
            assert_status(status, CG_ERROR_MEMORY, error, "memory");
            assert_null(index);
        }
        cg_index_free(index);
        assert_int_equal(counting.live_blocks, 0);
    }
    assert_true(n > 10);
}

/* The scratch, a row set, a search that widens its beam, and the count of what is reached. */
static void test_search(void **state) {
    (void)state;
    cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 8);
    options.codes = CG_PRECISION_I8;
    options.fuller = CG_PRECISION_F16;
    cg_index *index = rig_index(&options);
    rig_add(index, rows, NULL, COUNT);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    bool has_failed = true;
    for (uint64_t n = 1; has_failed; n++) {
        cg_index_scratch *scratch = NULL;
        cg_index_hit hits[3];
        uint32_t found = 99;
        cg_error error;
        cg_index_query query = {.vector = rows, .k = 3, .ef = 20};
        counting.fail_at = n;
        cg_status status = cg_index_scratch_alloc(allocator, &scratch, &error);
        if (status == CG_OK) {
            status = cg_index_search(index, &query, scratch, hits, &found, NULL, &error);
        }
        has_failed = counting.fail_at == 0;
        counting.fail_at = 0;
        assert_int_equal(status, has_failed ? CG_ERROR_MEMORY : CG_OK);
        assert_int_equal(found, has_failed ? 99 : 3);
        if (scratch) {
            assert_int_equal(rig_search(index, &query, scratch, hits), 3);
            assert_int_equal(hits[0].row, 0);
            uint64_t calls = counting.calls; /* warm: no allocation */
            assert_int_equal(rig_search(index, &query, scratch, hits), 3);
            assert_int_equal(counting.calls, calls);
            assert_states_memory(&counting, cg_index_scratch_bytes(scratch));
        }
        cg_index_scratch_free(scratch);
        assert_int_equal(counting.live_bytes, 0);
        assert_true(has_failed || n > 3);
    }
    counting.fail_at = 2;
    assert_int_equal(cg_index_reachable(index, allocator), 0);
    counting.fail_at = 0;
    assert_int_equal(cg_index_reachable(index, allocator), COUNT);
    assert_int_equal(counting.live_blocks, 0);
    cg_index_free(index);
}

static bool passes_always(void *context, uint64_t id) {
    (void)context;
    (void)id;
    return true;
}

static void test_row_set(void **state) {
    (void)state;
    cg_index_options options = rig_options(CG_INDEX_FLAT, DIMS, 8);
    cg_index *index = rig_index(&options);
    rig_add(index, rows, NULL, COUNT);
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    for (uint64_t n = 1; n <= 3; n++) {
        cg_row_set *set = NULL;
        cg_error error;
        counting.fail_at = n;
        cg_status status = cg_row_set_alloc(
            index, passes_always, NULL, cg_counting_allocator_view(&counting), &set, &error);
        assert_int_equal(status, n < 3 ? CG_ERROR_MEMORY : CG_OK);
        assert_int_equal(set != NULL, n == 3);
        cg_row_set_free(set);
        assert_int_equal(counting.live_bytes, 0);
    }
    cg_index_free(index);
}

static int set_up(void **state) {
    (void)state;
    rows = draw_rows(
        &(drawing){.seed = seed, .shape = CLUSTERED, .count = COUNT + MORE, .dims = DIMS});
    for (uint32_t i = 0; i < COUNT + MORE; i++) {
        ids[i] = UINT64_C(1) << 63 ^ i;
    }
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    free(rows);
    return 0;
}

int main(void) {
    seed = support_seed(20250106);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_call),
        cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_row_set),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
