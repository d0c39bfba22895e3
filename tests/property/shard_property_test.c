/* Goal: a divided index finds what the flat oracle finds when every shard is asked and looks far enough,
 * loses little when few are asked of data with regions, is the same for any workers, says what a host
 * would hold, refuses what it cannot do, and survives an allocation that fails. (C7, F2) */
#include "engine/index/oracle.h"
#include "engine/index/shard_internal.h"
#include "tests/support/index_rig.h"
#include "tests/support/runner.h"

enum { ROWS = 900, DIMS = 24, QUERIES = 60, K = 10 };

typedef struct world {
    float *rows;
    float *queries;
    cg_index *index;
    uint32_t count;
} world;

static const float *vector_of(void *context, uint32_t row) {
    return (const float *)context + (size_t)row * DIMS;
}

static world make(uint64_t seed, data_shape shape, uint32_t count, cg_precision codes) {
    cg_error error = {0};
    const drawing what = {.seed = seed, .shape = shape, .count = count, .dims = DIMS};
    const drawing asked = {
        .seed = seed, .shape = shape, .count = QUERIES, .dims = DIMS, .nth = 1};
    world self = {.rows = draw_rows(&what), .queries = draw_rows(&asked), .count = count};
    cg_index_options options = cg_index_options_default(CG_INDEX_HNSW, DIMS);
    options.codes = codes;
    options.fuller = codes;
    options.m = 8;
    cg_runner runner = cg_runner_serial();
    assert_ok(cg_index_alloc(&options, cg_allocator_heap(), &self.index, &error), error);
    const cg_index_rows added = {.vectors = self.rows, .count = count};
    assert_ok(cg_index_add(self.index, &added, &runner, NULL, &error), error);
    return self;
}

static void end(world *self) {
    cg_index_free(self->index);
    free(self->rows);
    free(self->queries);
}

static cg_shards *divide(const world *self, cg_shards_options options,
                         const cg_runner *runner) {
    cg_error error = {0};
    cg_shards *shards = NULL;
    options.vector = vector_of;
    options.vector_context = self->rows;
    assert_ok(
        cg_shards_build(&options, self->index, runner, cg_allocator_heap(), &shards, &error),
        error);
    return shards;
}

/* Share of the true K nearest that is found, and the mean of shards asked. */
static double recall_of(const world *self, const cg_shards *shards, cg_shard_query query,
                        double *asked_mean) {
    cg_error error = {0};
    cg_runner runner = cg_runner_serial();
    static cg_index_hit truth[QUERIES * K];
    const cg_oracle_input input = {.metric = CG_METRIC_COSINE,
                                   .dims = DIMS,
                                   .vectors = self->rows,
                                   .count = self->count,
                                   .queries = self->queries,
                                   .query_count = QUERIES,
                                   .k = K};
    assert_ok(cg_oracle_nearest(&input, &runner, cg_allocator_heap(), truth, &error), error);
    cg_shard_scratch *scratch = NULL;
    assert_ok(cg_shard_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    uint32_t right = 0;
    uint64_t asked_sum = 0;
    for (uint32_t q = 0; q < QUERIES; q++) {
        cg_index_hit hits[K];
        uint32_t found = 0;
        uint32_t asked = 0;
        query.vector = self->queries + (size_t)q * DIMS;
        query.k = K;
        assert_ok(
            cg_shards_search_all(shards, &query, scratch, hits, &found, &asked, NULL, &error),
            error);
        assert_true(asked >= 1 && asked <= cg_shards_options_of(shards)->shards);
        for (uint32_t i = 0; i < found; i++) {
            assert_true(
                i == 0 || hits[i - 1].distance < hits[i].distance ||
                (hits[i - 1].distance == hits[i].distance && hits[i - 1].row < hits[i].row));
            for (uint32_t j = 0; j < K; j++) {
                right += truth[q * K + j].row == hits[i].row;
            }
        }
        asked_sum += asked;
    }
    cg_shard_scratch_free(scratch);
    *asked_mean = (double)asked_sum / QUERIES;
    return (double)right / (QUERIES * K);
}

/* Sharded, with a width that reaches all rows: exact, on any data. Hybrid walks others' rows never, so
 * nothing promises that it reaches all of its own. */
static void test_all_shards_are_the_oracle(void **state) {
    (void)state;
    const uint64_t seed = support_seed(71);
    const cg_runner runner = cg_runner_serial();
    static const uint32_t counts[] = {1, 2, 7, 16};
    for (uint32_t shape = 0; shape < SHAPES; shape++) {
        world self = make(seed, (data_shape)shape, ROWS, CG_PRECISION_F32);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            double asked = 0.0;
            const cg_shard_query query = {
                .ef = ROWS, .entries = 64, .slack = CG_SHARD_SLACK_ALL};
            cg_shards *shards = divide(
                &self, cg_shards_options_default(CG_DISTRIBUTION_SHARDED, counts[i]), &runner);
            assert_true(recall_of(&self, shards, query, &asked) == 1.0);
            cg_shards_free(shards);
            shards = divide(&self, cg_shards_options_default(CG_DISTRIBUTION_HYBRID, counts[i]),
                            &runner);
            double hybrid = recall_of(&self, shards, query, &asked);
            if (hybrid < 0.9 && shape != HALF_EQUAL && shape != ALL_EQUAL &&
                shape != FEW_POINTS) {
                fail_msg("%s, %u shards: hybrid finds %g", shape_names[shape], counts[i],
                         hybrid);
            }
            cg_shards_free(shards);
        }
        end(&self);
    }
}

/* Regions are what k-means finds: a few shards are enough, and more slack asks more. */
static void test_few_shards_are_enough_where_there_are_regions(void **state) {
    (void)state;
    world self = make(support_seed(72), CLUSTERED, 3000, CG_PRECISION_I8);
    const cg_runner runner = cg_runner_serial();
    static const cg_distribution kinds[] = {CG_DISTRIBUTION_SHARDED, CG_DISTRIBUTION_HYBRID};
    for (size_t kind = 0; kind < 2; kind++) {
        cg_shards *shards = divide(&self, cg_shards_options_default(kinds[kind], 16), &runner);
        uint32_t rows = 0;
        for (uint32_t shard = 0; shard < 16; shard++) {
            rows += cg_shards_rows(shards, shard);
            assert_true(cg_shards_rows(shards, shard) <= 188 + 188 / 16);
        }
        assert_int_equal(rows, 3000);
        double before = 0.0;
        double recall = 0.0;
        static const double slacks[] = {0.0, 0.3, 1.0, CG_SHARD_SLACK_ALL};
        for (size_t i = 0; i < 4; i++) {
            double asked = 0.0;
            const cg_shard_query query = {.ef = 100, .entries = 64, .slack = slacks[i]};
            double now = recall_of(&self, shards, query, &asked);
            print_message("%s, slack %g: %.2f shards, recall %.3f\n",
                          cg_distribution_name(kinds[kind]), slacks[i], asked, now);
            assert_true(asked >= before && now >= recall - 0.02);
            before = asked;
            recall = now;
        }
        assert_true(recall > 0.85); /* of 8-bit codes alone */
        cg_shards_free(shards);
    }
    end(&self);
}

static void test_known_clusters(void **state) {
    (void)state;
    static const float points[] = {0, 1, 2, 10, 11, 12};
    const size_t padded = 16;
    const cg_allocator heap = cg_allocator_heap();
    const cg_runner runner = cg_runner_serial();
    cg_error error = {0};
    float *table = cg_allocate_aligned(&heap, 6 * padded * sizeof *table);
    float *centroids = cg_allocate_aligned(&heap, 2 * padded * sizeof *centroids);
    for (uint32_t i = 0; i < 6; i++) {
        table[i * padded] = points[i];
    }
    const cg_cluster_table input = {table, 6, (uint32_t)padded};
    for (uint64_t seed = 0; seed < 20; seed++) {
        uint32_t owners[6];
        assert_ok(cg_cluster_centroids(&input, 2, seed, &runner, &heap, centroids, &error),
                  error);
        const float low = centroids[0] < centroids[padded] ? centroids[0] : centroids[padded];
        const float high = centroids[0] < centroids[padded] ? centroids[padded] : centroids[0];
        assert_true(low == 1.0f && high == 11.0f);
        assert_ok(cg_cluster_divide(&input, centroids, 2, &runner, &heap, owners, &error),
                  error);
        for (uint32_t i = 0; i < 6; i++) {
            assert_int_equal(owners[i] == owners[0], i < 3);
        }
    }
    cg_deallocate_aligned(&heap, table, 6 * padded * sizeof *table);
    cg_deallocate_aligned(&heap, centroids, 2 * padded * sizeof *centroids);
}

/* A shard finds rows of its own, and no others. */
static void assert_own_rows(const cg_shards *shards, const float *vector) {
    cg_error error = {0};
    cg_shard_scratch *scratch = NULL;
    assert_ok(cg_shard_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    const cg_shard_query query = {.vector = vector, .k = 50, .ef = 50, .entries = 8};
    for (uint32_t shard = 0; shard < cg_shards_options_of(shards)->shards; shard++) {
        cg_index_hit hits[50];
        uint32_t found = 0;
        assert_ok(cg_shards_search(shards, shard, &query, (cg_shard_entries){0}, scratch, hits,
                                   &found, NULL, &error),
                  error);
        assert_int_equal(found > 0, cg_shards_rows(shards, shard) > 0);
        for (uint32_t i = 0; i < found; i++) {
            assert_int_equal(cg_shards_owner(shards, hits[i].row), shard);
        }
    }
    cg_shard_scratch_free(scratch);
}

static void test_any_workers_any_owners(void **state) {
    (void)state;
    const uint64_t seed = support_seed(73);
    world self = make(seed, CLUSTERED, ROWS, CG_PRECISION_I8);
    const cg_runner serial = cg_runner_serial();
    support_disorder disorder;
    const cg_runner mixed = support_disordered(&disorder, seed, 5);
    for (int kind = CG_DISTRIBUTION_SHARDED; kind <= CG_DISTRIBUTION_HYBRID; kind++) {
        cg_shards_options options = cg_shards_options_default((cg_distribution)kind, 5);
        cg_shards *one = divide(&self, options, &serial);
        cg_shards *other = divide(&self, options, &mixed);
        assert_true(cg_shards_hash(one) == cg_shards_hash(other));
        uint32_t owners[ROWS];
        for (uint32_t row = 0; row < ROWS; row++) {
            owners[row] = row % 3; /* shards 3 and 4 have nothing */
        }
        options.owners = owners;
        cg_shards *given = divide(&self, options, &serial);
        assert_true(cg_shards_hash(given) != cg_shards_hash(one));
        assert_int_equal(cg_shards_owner(given, 7), 1);
        assert_int_equal(cg_shards_rows(given, 4), 0);
        assert_own_rows(given, self.queries);
        double asked = 0.0;
        const cg_shard_query query = {.ef = ROWS, .entries = 64, .slack = CG_SHARD_SLACK_ALL};
        assert_true(recall_of(&self, given, query, &asked) > 0.8);
        assert_true(asked == 3.0);
        cg_shards_free(one);
        cg_shards_free(other);
        cg_shards_free(given);
    }
    end(&self);
}

static void test_memory(void **state) {
    (void)state;
    world self = make(support_seed(74), CLUSTERED, 3000, CG_PRECISION_F32);
    const cg_runner runner = cg_runner_serial();
    const uint64_t whole = cg_shards_replicated_bytes(self.index);
    assert_true(whole <= cg_index_bytes(self.index));
    assert_true(whole >= cg_index_bytes(self.index) / 2);
    for (int kind = CG_DISTRIBUTION_SHARDED; kind <= CG_DISTRIBUTION_HYBRID; kind++) {
        uint64_t before = 2 * whole;
        for (uint32_t hosts = 1; hosts <= 16; hosts *= 4) {
            cg_shards *shards =
                divide(&self, cg_shards_options_default((cg_distribution)kind, hosts), &runner);
            uint64_t total = 0;
            for (uint32_t shard = 0; shard < hosts; shard++) {
                total += cg_shards_host_bytes(shards, shard);
            }
            assert_true(total >= whole); /* everything is somewhere */
            assert_true(total / hosts < before);
            before = total / hosts;
            cg_shards_free(shards);
        }
        assert_true(before < whole / 3);
    }
    end(&self);
}

static void test_bad_input(void **state) {
    (void)state;
    world self = make(75, SPREAD, 50, CG_PRECISION_F32);
    const cg_runner runner = cg_runner_serial();
    const cg_allocator heap = cg_allocator_heap();
    cg_error error = {0};
    cg_shards *shards = NULL;
    uint32_t owners[50] = {0};
    owners[49] = 4;
    const cg_shards_options good = cg_shards_options_default(CG_DISTRIBUTION_SHARDED, 4);
    cg_shards_options bad[6] = {good, good, good, good, good, good};
    static const char *const parts[] = {"divides nothing", "0 shards",     "51 shards",
                                        "0 centroids",     "65 centroids", "row 49 belongs"};
    bad[0].distribution = CG_DISTRIBUTION_REPLICATED;
    bad[1].shards = 0;
    bad[2].shards = 51;
    bad[3].centroids = 0;
    bad[4].centroids = 65;
    bad[5].owners = owners;
    for (size_t i = 0; i < 6; i++) {
        assert_status(cg_shards_build(&bad[i], self.index, &runner, heap, &shards, &error),
                      CG_ERROR_INVALID, error, parts[i]);
    }
    assert_ok(cg_shards_build(&good, self.index, &runner, heap, &shards, &error), error);
    cg_shard_scratch *scratch = NULL;
    assert_ok(cg_shard_scratch_alloc(heap, &scratch, &error), error);
    float nothing[DIMS] = {0};
    const cg_shard_query fine = {
        .vector = self.queries, .k = 3, .ef = 8, .entries = 8, .slack = 0.1};
    cg_shard_query queries[4] = {fine, fine, fine, fine};
    queries[0].k = 0;
    queries[1].k = CG_SHARD_K_MAX + 1;
    queries[2].slack = -1.0;
    queries[3].vector = nothing;
    static const char *const query_parts[] = {"0 results", "1025 results", "slack -1",
                                              "length"};
    cg_index_hit hits[K];
    uint32_t found = 7;
    for (size_t i = 0; i < 4; i++) {
        assert_status(cg_shards_search(shards, 0, &queries[i], (cg_shard_entries){0}, scratch,
                                       hits, &found, NULL, &error),
                      CG_ERROR_INVALID, error, query_parts[i]);
        assert_int_equal(found, 7);
    }
    assert_status(cg_shards_search(shards, 4, &fine, (cg_shard_entries){0}, scratch, hits,
                                   &found, NULL, &error),
                  CG_ERROR_INVALID, error, "shard 4");
    cg_shard_scratch_free(scratch);
    cg_shards_free(shards);
    cg_shards_free(NULL);
    end(&self);
}

static void test_allocations_fail(void **state) {
    (void)state;
    world self = make(76, CLUSTERED, 120, CG_PRECISION_I8);
    const cg_runner runner = cg_runner_serial();
    for (int kind = CG_DISTRIBUTION_SHARDED; kind <= CG_DISTRIBUTION_HYBRID; kind++) {
        uint32_t failures = 0;
        bool is_done = false;
        for (uint64_t n = 1; !is_done; n++) {
            cg_counting_allocator counting;
            cg_counting_allocator_init(&counting, cg_allocator_heap());
            counting.fail_at = n;
            cg_error error = {0};
            cg_shards *shards = NULL;
            cg_shards_options options = cg_shards_options_default((cg_distribution)kind, 3);
            options.vector = vector_of;
            options.vector_context = self.rows;
            cg_status status =
                cg_shards_build(&options, self.index, &runner,
                                cg_counting_allocator_view(&counting), &shards, &error);
            cg_shard_scratch *scratch = NULL;
            if (status == CG_OK) {
                status = cg_shard_scratch_alloc(cg_counting_allocator_view(&counting), &scratch,
                                                &error);
            }
            const cg_shard_query query = {
                .vector = self.queries, .k = K, .ef = 20, .entries = 8, .slack = 1.0};
            cg_index_hit hits[K];
            uint32_t found = 0;
            if (status == CG_OK) {
                status = cg_shards_search_all(shards, &query, scratch, hits, &found, NULL, NULL,
                                              &error);
            }
            is_done = counting.fail_at != 0;
            assert_int_equal(status, is_done ? CG_OK : CG_ERROR_MEMORY);
            failures += status != CG_OK;
            cg_shard_scratch_free(scratch);
            cg_shards_free(shards);
            assert_int_equal(counting.live_blocks, 0);
            assert_int_equal(counting.live_bytes, 0);
        }
        assert_true(failures > 10);
    }
    end(&self);
}

/* The merge of any lists, in any order, is the nearest of all, each row once. */
static void test_merge(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(77), "merge", 0);
    for (int run = 0; run < 300; run++) {
        enum { LISTS = 4, MOST = 12 };
        cg_index_hit all[LISTS * MOST];
        cg_index_hit merged[2][MOST];
        uint32_t counts[2] = {0, 0};
        uint32_t total = 0;
        const uint32_t k = 1 + (uint32_t)cg_stream_next_below(&stream, MOST);
        for (uint32_t i = 0; i < LISTS * MOST; i++) {
            uint32_t row = (uint32_t)cg_stream_next_below(&stream, 30);
            all[total++] = (cg_index_hit){row, row, (float)(row % 7)};
        }
        for (uint32_t i = 0; i < total; i++) {
            cg_shard_hits_merge(merged[0], &counts[0], k, &all[i], 1);
            cg_shard_hits_merge(merged[1], &counts[1], k, &all[total - 1 - i], 1);
        }
        uint32_t expected = 0;
        for (uint32_t distance = 0; distance < 7; distance++) {
            for (uint32_t row = 0; row < 30 && expected < k; row++) {
                bool is_there = false;
                for (uint32_t i = 0; i < total; i++) {
                    is_there = is_there || (all[i].row == row && row % 7 == distance);
                }
                if (is_there) {
                    assert_int_equal(merged[0][expected].row, row);
                    assert_int_equal(merged[1][expected].row, row);
                    expected++;
                }
            }
        }
        assert_int_equal(counts[0], expected);
        assert_int_equal(counts[1], expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_shards_are_the_oracle),
        cmocka_unit_test(test_few_shards_are_enough_where_there_are_regions),
        cmocka_unit_test(test_known_clusters),
        cmocka_unit_test(test_any_workers_any_owners),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_allocations_fail),
        cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
