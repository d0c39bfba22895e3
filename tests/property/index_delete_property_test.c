/* Goal: an index that lost and regained a random 30% of its rows ten times finds as much as one
 * built afresh, never returns what was removed, keeps its graph's invariants, and does not
 * grow. */
#include "engine/base/hash.h"
#include "tests/support/index_check.h"
#include "tests/support/index_rig.h"

static uint64_t seed;

enum { ROUNDS = 10, PERCENT = 30, QUERIES = 1000, EF = 40 };

typedef struct churn {
    cg_index *index;
    cg_stream stream;
    uint32_t count;
    uint32_t dims;
    uint32_t *order; /* [count] numbers of ids, shuffled: the first are the chosen */
    float *rows;     /* [count * dims] what each id has */
    float *queries;  /* [QUERIES * dims] */
} churn;

static uint64_t id_of_number(uint32_t number) {
    return cg_hash_u64(number, 77);
}

static churn make_churn(const cg_index_options *options, data_shape shape, uint32_t count) {
    churn made = {.stream = cg_stream_init(seed, "index_delete", shape),
                  .count = count,
                  .dims = options->dims};
    drawing what = {
        .seed = seed, .shape = shape, .count = count + QUERIES, .dims = options->dims};
    made.rows = draw_rows(&what);
    made.queries = made.rows + (size_t)count * options->dims;
    made.order = malloc(count * sizeof *made.order);
    uint64_t *ids = malloc(count * sizeof *ids);
    assert_non_null(made.order);
    assert_non_null(ids);
    for (uint32_t i = 0; i < count; i++) {
        made.order[i] = i;
        ids[i] = id_of_number(i);
    }
    made.index = rig_index(options);
    rig_add(made.index, made.rows, ids, count);
    free(ids);
    return made;
}

static void free_churn(churn *used) {
    cg_index_free(used->index);
    free(used->order);
    free(used->rows);
}

/* The first of the shuffled, with ids and vectors side by side; free() both. */
static uint32_t choose(churn *self, uint64_t **ids, float **vectors) {
    uint32_t chosen = self->count / 100 * PERCENT;
    cg_stream_shuffle_u32(&self->stream, self->order, self->count);
    *ids = malloc(chosen * sizeof **ids);
    *vectors = malloc((size_t)chosen * self->dims * sizeof **vectors);
    assert_non_null(*ids);
    assert_non_null(*vectors);
    for (uint32_t i = 0; i < chosen; i++) {
        uint32_t number = self->order[i];
        (*ids)[i] = id_of_number(number);
        memcpy(*vectors + (size_t)i * self->dims, self->rows + (size_t)number * self->dims,
               self->dims * sizeof **vectors);
    }
    return chosen;
}

static void assert_none_is_found(const churn *self, const uint64_t *gone, uint32_t count) {
    cg_index_scratch *scratch = rig_scratch();
    for (uint32_t i = 0; i < count; i += 7) {
        cg_index_hit hits[20];
        float *vector = self->rows + (size_t)self->order[i] * self->dims; /* its own place */
        cg_index_query query = {.vector = vector, .k = 20, .ef = EF};
        uint32_t found = rig_search(self->index, &query, scratch, hits);
        assert_int_equal(found, 20);
        for (uint32_t j = 0; j < found; j++) {
            assert_true(cg_index_has(self->index, hits[j].id));
        }
        assert_false(cg_index_has(self->index, gone[i]));
    }
    cg_index_scratch_free(scratch);
}

static double recall_of(const cg_index *index, const cg_index *flat, const float *queries) {
    return rig_recall_at_10(flat, index, queries, QUERIES, (cg_index_query){.ef = EF});
}

/* Recall of the index, and of one that gets the same rows at once. */
static void compare_with_fresh(const churn *self, const char *name) {
    cg_index_options options = *cg_index_options_of(self->index);
    cg_index_options flat_options = cg_index_options_default(CG_INDEX_FLAT, self->dims);
    flat_options.has_ids = true;
    flat_options.metric = options.metric;
    options.capacity = 0;
    cg_index *flat = rig_index(&flat_options);
    cg_index *fresh = rig_index(&options);
    uint64_t *ids = malloc(self->count * sizeof *ids);
    assert_non_null(ids);
    for (uint32_t i = 0; i < self->count; i++) {
        ids[i] = id_of_number(i);
    }
    rig_add(flat, self->rows, ids, self->count);
    rig_add(fresh, self->rows, ids, self->count);
    double recall = recall_of(self->index, flat, self->queries);
    double fresh_recall = recall_of(fresh, flat, self->queries);
    print_message("%s: recall@10 at ef %d %.4f, of a fresh build %.4f\n", name, EF, recall,
                  fresh_recall);
    assert_true(recall >= fresh_recall - 0.01);
    free(ids);
    cg_index_free(fresh);
    cg_index_free(flat);
}

/* One call each, so that all that is removed is repaired before anything comes back. */
static void remove_and_add(churn *self) {
    uint64_t *ids = NULL;
    float *vectors = NULL;
    uint32_t chosen = choose(self, &ids, &vectors);
    rig_remove(self->index, ids, chosen);
    assert_int_equal(cg_index_count(self->index), self->count - chosen);
    check_graph(self->index);
    assert_none_is_found(self, ids, chosen);
    rig_add(self->index, vectors, ids, chosen);
    free(vectors);
    free(ids);
}

/* In small parts: new rows come while removed ones are still in the graph. */
static void remove_and_add_by_parts(churn *self) {
    uint64_t *ids = NULL;
    float *vectors = NULL;
    uint32_t chosen = choose(self, &ids, &vectors);
    for (uint32_t done = 0, part = 0; done < chosen; done += part) {
        part = 1 + (uint32_t)cg_stream_next_below(&self->stream, 100);
        part = part < chosen - done ? part : chosen - done;
        rig_remove(self->index, ids + done, part);
        rig_add(self->index, vectors + (size_t)done * self->dims, ids + done, part);
    }
    free(vectors);
    free(ids);
}

/* Other vectors for the same ids: those of the chosen, moved on by one. */
static void update(churn *self) {
    uint64_t *ids = NULL;
    float *vectors = NULL;
    uint32_t chosen = choose(self, &ids, &vectors);
    for (uint32_t i = 0; i < chosen; i++) {
        memcpy(self->rows + (size_t)self->order[(i + 1) % chosen] * self->dims,
               vectors + (size_t)i * self->dims, self->dims * sizeof *vectors);
    }
    for (uint32_t i = 0; i < chosen; i++) {
        memcpy(vectors + (size_t)i * self->dims,
               self->rows + (size_t)self->order[i] * self->dims, self->dims * sizeof *vectors);
    }
    rig_update(self->index, vectors, ids, chosen);
    free(vectors);
    free(ids);
}

static void run(const cg_index_options *options, data_shape shape, uint32_t count,
                void (*round)(churn *), const char *name) {
    churn self = make_churn(options, shape, count);
    uint64_t first_bytes = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        round(&self);
        check_graph(self.index);
        assert_int_equal(cg_index_count(self.index), count);
        if (i == 1) {
            first_bytes = cg_index_bytes(self.index);
        }
    }
    /* Removed rows wait for their repair till they are a fifth; then their places serve. */
    uint32_t row_limit = cg_index_row_limit(self.index);
    print_message("%s: %u rows in %u, %llu bytes, after two rounds %llu\n", name, count,
                  row_limit, (unsigned long long)cg_index_bytes(self.index),
                  (unsigned long long)first_bytes);
    assert_true(row_limit <= count + count * 2 / 5);
    assert_true(cg_index_bytes(self.index) <= first_bytes + first_bytes / 2);
    compare_with_fresh(&self, name);
    free_churn(&self);
}

static cg_index_options options_of(cg_precision codes, cg_precision fuller) {
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, 24);
    options.codes = codes;
    options.fuller = fuller;
    options.has_ids = true;
    return options;
}

static void test_remove_and_add(void **state) {
    (void)state;
    cg_index_options floats = options_of(CG_PRECISION_F32, CG_PRECISION_F32);
    cg_index_options codes = options_of(CG_PRECISION_I8, CG_PRECISION_F32);
    run(&codes, HALF_EQUAL, 2000, remove_and_add, "half equal, i8");
    run(&floats, CLUSTERED, 2000, remove_and_add, "clustered, f32");
    codes.capacity = 3000;
    run(&codes, SPREAD, 3000, remove_and_add, "spread, i8, no row to spare");
}

static void test_remove_and_add_by_parts(void **state) {
    (void)state;
    cg_index_options codes = options_of(CG_PRECISION_I8, CG_PRECISION_F32);
    uint32_t count = SUPPORT_SANITISED ? 2500 : 10000;
    codes.capacity = count + count * 2 / 5;
    run(&codes, SPREAD, count, remove_and_add_by_parts, "spread, i8, by parts");
}

static void test_update(void **state) {
    (void)state;
    cg_index_options halves = options_of(CG_PRECISION_F16, CG_PRECISION_F32);
    run(&halves, SPREAD, 2500, update, "spread, f16, updates");
}

/* All rows of an index with a capacity go and others come: upper levels find room, too. */
static void test_capacity_serves_again(void **state) {
    (void)state;
    enum { COUNT = 1500 };
    cg_index_options options = options_of(CG_PRECISION_F32, CG_PRECISION_F32);
    options.m = 4;
    options.ef_construction = 10;
    options.capacity = COUNT;
    cg_index *index = rig_index(&options);
    uint64_t size_bytes = cg_index_bytes(index);
    float *rows = draw_rows(
        &(drawing){.seed = seed, .shape = SPREAD, .count = COUNT, .dims = options.dims});
    static uint64_t ids[COUNT];
    for (uint32_t round = 0; round < 4; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            ids[i] = id_of_number(round * COUNT + i);
        }
        rig_add(index, rows, ids, COUNT);
        check_graph(index);
        rig_remove(index, ids, COUNT);
        check_graph(index);
        assert_int_equal(cg_index_rows_in_use(index), 0);
        assert_true(cg_index_bytes(index) < 2 * size_bytes);
    }
    cg_index_free(index);
    free(rows);
}

/* Lists at every level become empty when nothing is left to link to. */
static void test_one_is_left(void **state) {
    (void)state;
    enum { COUNT = 600 };
    cg_index_options options = options_of(CG_PRECISION_I8, CG_PRECISION_F16);
    options.m = 4; /* more levels */
    options.ef_construction = 20;
    for (uint32_t left = 0; left < 40; left++) {
        churn self = make_churn(&options, SPREAD, COUNT);
        uint64_t gone[COUNT];
        uint32_t count = 0;
        for (uint32_t number = 0; number < COUNT; number++) {
            uint32_t level = cg_hnsw_level(&options, id_of_number(number));
            /* First the only one, then the only one of its level. */
            if (number != left && (left % 2 == 0 || level >= 1)) {
                gone[count++] = id_of_number(number);
            }
        }
        rig_remove(self.index, gone, count);
        rig_repair(self.index);
        check_graph(self.index);
        assert_int_equal(cg_index_rows_in_use(self.index), COUNT - count);
        cg_index_scratch *scratch = rig_scratch();
        cg_index_hit hit;
        cg_index_query query = {.vector = self.rows, .k = 1, .ef = COUNT};
        assert_int_equal(rig_search(self.index, &query, scratch, &hit), 1);
        cg_index_scratch_free(scratch);
        free_churn(&self);
    }
}

int main(void) {
    seed = support_seed(20250103);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remove_and_add),
        cmocka_unit_test(test_remove_and_add_by_parts),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_one_is_left),
        cmocka_unit_test(test_capacity_serves_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
