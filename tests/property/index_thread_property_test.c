/* Goal: additions, updates, removals and repairs give the same index, to the byte, and the same
 * work, for any number of threads, any order of tasks and any instruction set; and what is
 * input, such as the sizes of the calls, does make a difference. */
#include "tests/support/index_check.h"
#include "tests/support/index_rig.h"
#include "tests/support/runner.h"

static uint64_t seed;

enum { COUNT = 2600, MORE = 500, DIMS = 20, STAGES = 8, ROUNDS = 9 };

typedef struct record {
    uint64_t hashes[STAGES];
    cg_work work[STAGES];
    uint32_t stages;
} record;

static void note(record *kept, const cg_index *index, const cg_work *work) {
    kept->hashes[kept->stages] = cg_index_hash(index);
    kept->work[kept->stages++] = *work;
}

/* A life of an index; what it was after each of its stages. */
static record live(cg_index *index, const float *rows, const cg_runner *runner) {
    static uint64_t ids[COUNT + MORE];
    record kept = {.stages = 0};
    cg_work work = {0};
    cg_error error;
    for (uint32_t i = 0; i < COUNT + MORE; i++) {
        ids[i] = UINT64_MAX - 3 * (uint64_t)i;
    }
    const uint32_t parts[3] = {1, 1500, COUNT - 1501};
    for (uint32_t i = 0, done = 0; i < 3; done += parts[i], i++) {
        cg_index_rows part = {
            .vectors = rows + (size_t)done * DIMS, .ids = ids + done, .count = parts[i]};
        assert_ok(cg_index_add(index, &part, runner, &work, &error), error);
        note(&kept, index, &work);
    }
    assert_ok(cg_index_remove(index, ids + 100, 300, runner, &work, &error), error);
    assert_true(index->removed_count == 300); /* not yet repaired */
    cg_index_rows more = {
        .vectors = rows + (size_t)COUNT * DIMS, .ids = ids + COUNT, .count = MORE};
    assert_ok(cg_index_add(index, &more, runner, &work, &error), error);
    note(&kept, index, &work);
    cg_index_rows changed = {
        .vectors = rows + (size_t)40 * DIMS, .ids = ids + 500, .count = 200};
    assert_ok(cg_index_update(index, &changed, runner, &work, &error), error);
    note(&kept, index, &work);
    assert_ok(cg_index_repair(index, runner, &work, &error), error);
    note(&kept, index, &work);
    assert_ok(cg_index_remove(index, ids + 800, 1000, runner, &work, &error), error);
    assert_true(index->removed_count == 0); /* so many are repaired at once */
    note(&kept, index, &work);
    changed.ids = ids;
    changed.count = 90;
    assert_ok(cg_index_update(index, &changed, runner, &work, &error), error);
    note(&kept, index, &work);
    assert_int_equal(kept.stages, STAGES);
    return kept;
}

static cg_index_options options_of(cg_precision codes, cg_precision fuller) {
    cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 10);
    options.codes = codes;
    options.fuller = fuller;
    options.has_ids = true;
    return options;
}

static void check_forms(cg_precision codes, cg_precision fuller) {
    cg_index_options options = options_of(codes, fuller);
    float *rows = draw_rows(
        &(drawing){.seed = seed, .shape = CLUSTERED, .count = COUNT + MORE, .dims = DIMS});
    record first;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t workers = (const uint32_t[]){1, 2, 3, 8}[round % 4];
        support_disorder disorder;
        cg_runner runner = round % 2 == 0 || round < 4
                               ? support_threads(&workers)
                               : support_disordered(&disorder, seed + round, workers);
        cg_index *index = rig_index(&options);
        const cg_kernels *kernels = cg_kernels_of((cg_isa)(round % CG_ISA_COUNT));
        index->kernels = kernels ? kernels : index->kernels;
        record kept = live(index, rows, &runner);
        if (round == 0) {
            first = kept;
            check_graph(index);
        }
        for (uint32_t i = 0; i < STAGES; i++) {
            assert_true(kept.hashes[i] == first.hashes[i]);
            assert_true(i == 0 || kept.hashes[i] != kept.hashes[i - 1]);
            assert_memory_equal(&kept.work[i], &first.work[i], sizeof kept.work[i]);
        }
        cg_index_free(index);
    }
    free(rows);
}

static void test_same_for_any_runner_and_instruction_set(void **state) {
    (void)state;
    check_forms(CG_PRECISION_F32, CG_PRECISION_F32);
    check_forms(CG_PRECISION_F16, CG_PRECISION_F32);
    check_forms(CG_PRECISION_I8, CG_PRECISION_F16);
}

static void test_batches_are_input(void **state) {
    (void)state;
    cg_index_options options = rig_options(CG_INDEX_HNSW, DIMS, 10);
    float *rows =
        draw_rows(&(drawing){.seed = seed, .shape = CLUSTERED, .count = COUNT, .dims = DIMS});
    cg_index *whole = rig_index(&options);
    cg_index *again = rig_index(&options);
    cg_index *parts = rig_index(&options);
    rig_add(whole, rows, NULL, COUNT);
    rig_add(again, rows, NULL, COUNT);
    rig_add(parts, rows, NULL, 1801);
    rig_add(parts, rows + (size_t)1801 * DIMS, NULL, COUNT - 1801);
    assert_true(cg_index_hash(whole) == cg_index_hash(again));
    assert_true(cg_index_hash(whole) != cg_index_hash(parts)); /* the hash sees the links */
    cg_index_free(parts);
    cg_index_free(again);
    cg_index_free(whole);
    free(rows);
}

/* Room taken at once changes nothing but the memory. */
static void test_capacity_is_no_input(void **state) {
    (void)state;
    cg_index_options options = options_of(CG_PRECISION_I8, CG_PRECISION_F16);
    float *rows = draw_rows(
        &(drawing){.seed = seed, .shape = CLUSTERED, .count = COUNT + MORE, .dims = DIMS});
    cg_runner serial = cg_runner_serial();
    cg_index *growing = rig_index(&options);
    options.capacity = 2 * COUNT;
    cg_index *fixed = rig_index(&options);
    record first = live(growing, rows, &serial);
    record second = live(fixed, rows, &serial);
    assert_memory_equal(&first, &second, sizeof first);
    cg_index_free(fixed);
    cg_index_free(growing);
    free(rows);
}

int main(void) {
    seed = support_seed(20250104);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_for_any_runner_and_instruction_set),
        cmocka_unit_test(test_batches_are_input),
        cmocka_unit_test(test_capacity_is_no_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
