/* Goal: random programs of additions, removals, updates, repairs, searches and filtered
 * searches leave an index that holds and answers what a plain array does: no removed id is ever
 * found, counts are right, the graph keeps its invariants, and a call that fails changes
 * nothing. */
#include "tests/support/index_check.h"
#include "tests/support/index_oracle.h"
#include "tests/support/index_rig.h"
#include "tests/support/runner.h"

static uint64_t seed;

enum { PROGRAMS = 150, STEPS = 60, ADDED_MOST = 40, DRAWN = 3000 };

typedef struct program {
    cg_stream stream;
    cg_index *index;
    oracle oracle;
    cg_index_scratch *scratch;
    support_disorder disorder;
    cg_runner runner;
    float *rows; /* [DRAWN] taken in turn */
    uint32_t next_row;
    uint64_t next_id;
    uint64_t removed[DRAWN]; /* ids that were there */
    uint32_t removed_count;
} program;

static uint32_t below(program *self, uint32_t n) {
    return (uint32_t)cg_stream_next_below(&self->stream, n);
}

static cg_index_options draw_options(program *self) {
    const cg_precision codes[] = {CG_PRECISION_F32, CG_PRECISION_F16, CG_PRECISION_I8};
    cg_index_options options = rig_options(CG_INDEX_HNSW, 1 + below(self, 40), 0);
    options.m = 4 + below(self, 8);
    options.ef_construction = options.m + below(self, 30);
    options.kind = below(self, 5) == 0 ? CG_INDEX_FLAT : CG_INDEX_HNSW;
    options.metric = (cg_metric)below(self, CG_METRIC_INNER_PRODUCT + 1);
    options.codes = options.kind == CG_INDEX_FLAT ? CG_PRECISION_F32 : codes[below(self, 3)];
    options.fuller = codes[below(self, options.codes + 1u)];
    options.has_ids = true;
    options.capacity = below(self, 3) == 0 ? 300 : 0;
    options.seed = cg_stream_next(&self->stream);
    return options;
}

static void set_up(program *self, uint32_t number) {
    *self = (program){.stream = cg_stream_init(seed, "index_program", number)};
    cg_index_options options = draw_options(self);
    self->index = rig_index(&options);
    self->oracle = oracle_of(self->index);
    self->scratch = rig_scratch();
    self->runner = support_disordered(&self->disorder, seed + number, 1 + number % 3);
    self->next_id = below(self, 2) ? UINT64_MAX - below(self, 200) : below(self, 3);
    self->rows = draw_rows(&(drawing){.seed = seed,
                                      .shape = (data_shape)below(self, SHAPES),
                                      .count = DRAWN,
                                      .dims = options.dims,
                                      .nth = number,
                                      .has_length = options.metric != CG_METRIC_COSINE});
}

static void tear_down(program *self) {
    oracle_deinit(&self->oracle);
    cg_index_scratch_free(self->scratch);
    cg_index_free(self->index);
    free(self->rows);
}

static const float *take_vectors(program *self, uint32_t count) {
    if (self->next_row + count > DRAWN) {
        self->next_row = 0;
    }
    self->next_row += count;
    return self->rows + (size_t)(self->next_row - count) * self->oracle.dims;
}

/* An id that is not held: one that was, or a new one. */
static uint64_t take_id(program *self) {
    if (self->removed_count > 0 && below(self, 2)) {
        uint32_t place = below(self, self->removed_count);
        uint64_t id = self->removed[place];
        self->removed[place] = self->removed[--self->removed_count];
        return id;
    }
    return self->next_id++; /* past the last one comes 0 */
}

/* Distinct held ids; returns how many, at most `most`. */
static uint32_t choose_held(program *self, uint64_t *ids, uint32_t most) {
    const oracle *held = &self->oracle;
    uint32_t count = held->count < most ? held->count : most;
    uint32_t first = held->count > 0 ? below(self, held->count) : 0;
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = held->ids[(first + i) % held->count];
    }
    return count;
}

static bool is_full_for(const program *self, uint32_t count) {
    const uint32_t capacity = self->index->options.capacity;
    return capacity > 0 && count > capacity - cg_index_rows_in_use(self->index);
}

/* A call with `count` ids of which one is spoiled has to be refused. */
static void assert_refused(program *self, cg_status status, cg_status expected,
                           const cg_error *error, uint64_t hash) {
    assert_int_equal(status, expected);
    assert_true(strlen(error->message) > 10);
    assert_true(cg_index_hash(self->index) == hash);
    assert_int_equal(cg_index_count(self->index), self->oracle.count);
}

static void step_add(program *self) {
    const uint32_t count = 1 + below(self, ADDED_MOST);
    const float *vectors = take_vectors(self, count);
    uint64_t ids[ADDED_MOST];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = take_id(self);
    }
    cg_index_rows rows = {.vectors = vectors, .ids = ids, .count = count};
    cg_error error;
    if (is_full_for(self, count)) {
        uint64_t hash = cg_index_hash(self->index);
        cg_status status = cg_index_add(self->index, &rows, &self->runner, NULL, &error);
        assert_refused(self, status, CG_ERROR_FULL, &error, hash);
        for (uint32_t i = 0; i < count && self->removed_count < DRAWN; i++) {
            self->removed[self->removed_count++] = ids[i];
        }
        return;
    }
    assert_ok(cg_index_add(self->index, &rows, &self->runner, NULL, &error), error);
    for (uint32_t i = 0; i < count; i++) {
        oracle_add(&self->oracle, ids[i], vectors + (size_t)i * self->oracle.dims);
    }
}

static void step_add_taken(program *self) {
    uint64_t ids[2] = {self->next_id, self->next_id};
    uint64_t held = 0;
    if (choose_held(self, &held, 1) == 1 && below(self, 2)) {
        ids[1] = held;
    }
    if (is_full_for(self, 2)) {
        return;
    }
    cg_index_rows rows = {.vectors = take_vectors(self, 2), .ids = ids, .count = 2};
    cg_error error;
    uint64_t hash = cg_index_hash(self->index);
    cg_status status = cg_index_add(self->index, &rows, &self->runner, NULL, &error);
    assert_refused(self, status, CG_ERROR_EXISTS, &error, hash);
    assert_false(cg_index_has(self->index, self->next_id));
}

static void step_remove(program *self, bool is_spoiled) {
    uint64_t ids[2 * ADDED_MOST];
    uint32_t count = choose_held(self, ids, 1 + below(self, 2 * ADDED_MOST - 1));
    cg_error error;
    if (is_spoiled) {
        ids[count] = count > 0 && below(self, 2) ? ids[0] : self->next_id;
        uint64_t hash = cg_index_hash(self->index);
        cg_status status =
            cg_index_remove(self->index, ids, count + 1, &self->runner, NULL, &error);
        assert_refused(self, status, CG_ERROR_NOT_FOUND, &error, hash);
        return;
    }
    assert_ok(cg_index_remove(self->index, ids, count, &self->runner, NULL, &error), error);
    for (uint32_t i = 0; i < count; i++) {
        oracle_remove(&self->oracle, oracle_find(&self->oracle, ids[i]));
        if (self->removed_count < DRAWN) {
            self->removed[self->removed_count++] = ids[i];
        }
        assert_false(cg_index_has(self->index, ids[i]));
    }
}

static void step_update(program *self, bool is_spoiled) {
    uint64_t ids[ADDED_MOST];
    uint32_t count = choose_held(self, ids, 1 + below(self, ADDED_MOST - 1));
    cg_index_rows rows = {
        .vectors = take_vectors(self, ADDED_MOST), .ids = ids, .count = count};
    cg_error error;
    uint64_t hash = cg_index_hash(self->index);
    if (is_spoiled) {
        ids[rows.count++] = count > 0 && below(self, 2) ? ids[0] : self->next_id;
        cg_status status = cg_index_update(self->index, &rows, &self->runner, NULL, &error);
        assert_refused(self, status, CG_ERROR_NOT_FOUND, &error, hash);
        return;
    }
    bool is_full = is_full_for(self, count);
    cg_status status = cg_index_update(self->index, &rows, &self->runner, NULL, &error);
    if (is_full) {
        assert_refused(self, status, CG_ERROR_FULL, &error, hash);
        return;
    }
    assert_ok(status, error);
    for (uint32_t i = 0; i < count; i++) {
        oracle_set(&self->oracle, oracle_find(&self->oracle, ids[i]),
                   rows.vectors + (size_t)i * self->oracle.dims);
    }
}

static void step_repair(program *self) {
    cg_error error;
    assert_ok(cg_index_repair(self->index, &self->runner, NULL, &error), error);
    assert_int_equal(cg_index_rows_in_use(self->index), self->oracle.count);
}

typedef struct share {
    uint64_t modulus;
    uint64_t rest;
} share;

static bool is_in_share(void *context, uint64_t id) {
    const share *wanted = context;
    return id % wanted->modulus == wanted->rest;
}

static void step_search(program *self, bool is_filtered) {
    const uint64_t moduli[] = {1, 2, 10, 100};
    share wanted = {.modulus = moduli[below(self, 4)]};
    wanted.rest = below(self, (uint32_t)wanted.modulus);
    cg_row_set *set = NULL;
    cg_error error;
    if (is_filtered) {
        assert_ok(cg_row_set_alloc(self->index, is_in_share, &wanted, cg_allocator_heap(), &set,
                                   &error),
                  error);
    }
    cg_index_query query = {.vector = take_vectors(self, 1),
                            .k = 1 + below(self, self->oracle.count + 10),
                            .ef = cg_index_rows_in_use(self->index),
                            .rerank = self->oracle.count + 1,
                            .rows = set};
    cg_id_predicate passes = is_filtered ? is_in_share : NULL;
    oracle_check_exact(&self->oracle, &query, passes, &wanted, self->scratch);
    query.k = 1 + below(self, 10);
    query.ef = below(self, 20);
    query.rerank = below(self, 20);
    oracle_check_sound(&self->oracle, &query, passes, &wanted, self->scratch);
    cg_row_set_free(set);
}

static void take_step(program *self) {
    bool is_spoiled = below(self, 5) == 0;
    switch (below(self, 7)) {
    case 0:
    case 1:
        is_spoiled ? step_add_taken(self) : step_add(self);
        break;
    case 2:
        step_remove(self, is_spoiled);
        break;
    case 3:
        step_update(self, is_spoiled);
        break;
    case 4:
        step_search(self, false);
        break;
    case 5:
        step_search(self, true);
        break;
    default:
        if (below(self, 3) == 0) {
            step_repair(self);
        }
    }
}

static void test_programs(void **state) {
    (void)state;
    static program self;
    for (uint32_t number = 0; number < PROGRAMS; number++) {
        set_up(&self, number);
        for (uint32_t step = 0; step < STEPS; step++) {
            take_step(&self);
            assert_int_equal(cg_index_count(self.index), self.oracle.count);
            if (self.index->options.kind == CG_INDEX_HNSW) {
                check_graph(self.index);
            }
        }
        for (uint32_t i = 0; i < self.oracle.count; i++) {
            assert_true(cg_index_has(self.index, self.oracle.ids[i]));
        }
        tear_down(&self);
    }
}

int main(void) {
    seed = support_seed(20250102);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
