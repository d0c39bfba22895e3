/* Goal: a shard is what its definition says, to the bit. Searching shard s in its base finds, with the
 * same hops and distances, what an index finds whose vectors were really flipped; and the oracle of a
 * tiling finds what comparing with all of its nodes finds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/index/oracle.h"
#include "engine/tile/tile_base.h"
#include "engine/tile/tile_exact.h"
#include "engine/vector/vector.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

enum { K = 10, ROWS = 1500, QUERIES = 30, BASES_MAX = 64 };

typedef struct world {
    cg_tiling tiling;
    cg_tile_base_options options;
    cg_allocator heap;
    cg_runner runner;
} world;

static world world_of(uint32_t dims, uint32_t axes, uint32_t rows, bool is_cosine) {
    world made = {.tiling = {.law = cg_tile_law_default(dims),
                             .metric = is_cosine ? CG_METRIC_COSINE : CG_METRIC_L2,
                             .seed = support_seed(31),
                             .axes = axes,
                             .nodes_a_shard = rows},
                  .options = cg_tile_base_options_default(),
                  .heap = cg_allocator_heap(),
                  .runner = cg_runner_serial()};
    cg_error error = {0};
    made.tiling.law.is_normalised = is_cosine;
    assert_ok(cg_tiling_init(&made.tiling, &error), error);
    return made;
}

typedef struct frozen {
    uint8_t *bytes;
    size_t size_bytes;
    cg_segment *segment;
} frozen;

static void open_frozen(frozen *made) {
    cg_error error = {0};
    assert_ok(cg_segment_open(made->bytes, made->size_bytes, CG_SEGMENT_CHECK_ALL,
                              cg_allocator_heap(), &made->segment, &error),
              error);
}

static void melt(const world *w, frozen *made) {
    cg_segment_close(made->segment);
    cg_deallocate_aligned(&w->heap, made->bytes, made->size_bytes);
}

static frozen base_of(const world *w, uint32_t base) {
    frozen made = {0};
    cg_error error = {0};
    cg_tile_base_input input = {&w->tiling, &w->options, base, &w->runner};
    assert_ok(cg_tile_base_build(&input, w->heap, &made.bytes, &made.size_bytes, &error),
              error);
    open_frozen(&made);
    assert_ok(cg_tile_base_check(&w->tiling, made.segment, &error), error);
    return made;
}

/* The shard's vectors, one by one from the tiling, in an index that knows nothing of flips. */
static frozen really_flipped(const world *w, uint32_t shard, const cg_segment *like) {
    const cg_tiling *tiling = &w->tiling;
    const uint32_t dims = tiling->law.dims;
    const uint32_t rows = tiling->nodes_a_shard;
    float *vectors = malloc((size_t)rows * dims * sizeof *vectors);
    float *importance = malloc(rows * sizeof *importance);
    assert_true(vectors && importance);
    cg_stream stream =
        cg_stream_init(tiling->seed, "tile.precision", cg_tiling_base_of(tiling, shard));
    for (uint32_t row = 0; row < rows; row++) {
        static const float levels[] = {0.95f, 0.8f, 0.6f, 0.4f, 0.1f};
        uint64_t percent = (cg_stream_next(&stream) >> 32) * 100 >> 32;
        uint32_t p = 0;
        for (uint64_t sum = w->options.percent[0]; percent >= sum;
             sum += w->options.percent[++p]) {
        }
        importance[row] = levels[p];
        cg_tiling_vector(tiling, (cg_tile_node){shard, row}, vectors + (size_t)row * dims);
    }
    cg_index_options options = *cg_segment_options_of(like);
    options.first_id = (uint64_t)shard * rows;
    cg_index *index = NULL;
    cg_error error = {0};
    assert_ok(cg_index_alloc(&options, w->heap, &index, &error), error);
    cg_index_rows given = {.vectors = vectors, .count = rows};
    assert_ok(cg_index_add(index, &given, &w->runner, NULL, &error), error);
    cg_freeze_options how = {.importance = importance,
                             .has_fuller = w->options.has_fuller,
                             .fuller = w->options.fuller};
    frozen made = {0};
    assert_ok(cg_segment_encode(index, &how, w->heap, &made.bytes, &made.size_bytes, &error),
              error);
    open_frozen(&made);
    cg_index_free(index);
    free(vectors);
    free(importance);
    return made;
}

static uint32_t search(const frozen *in, const cg_segment_query *query, cg_index_hit *hits,
                       cg_work *work) {
    cg_segment_scratch *scratch = NULL;
    cg_error error = {0};
    uint32_t found = 0;
    assert_ok(cg_segment_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    assert_ok(cg_segment_search(in->segment, query, scratch, hits, &found, work, &error),
              error);
    cg_segment_scratch_free(scratch);
    return found;
}

static void check_shard(const world *w, uint32_t number) {
    const cg_tile_shard shard = cg_tile_shard_of(&w->tiling, number);
    frozen base = base_of(w, shard.base);
    frozen flipped = really_flipped(w, number, base.segment);
    cg_stream stream = cg_stream_init(w->tiling.seed, "test.queries", number);
    assert_int_equal(base.size_bytes, flipped.size_bytes);
    for (uint32_t i = 0; i < QUERIES; i++) {
        float query[CG_TILE_DIMS_MAX];
        cg_index_hit hits[2][K];
        cg_work work[2] = {0};
        cg_tile_law_draw(&w->tiling.law, &stream, query);
        cg_segment_query plain = {.index = {.vector = query, .k = K, .ef = 40}};
        cg_segment_query aimed = plain;
        cg_tile_aim(&shard, &aimed.index);
        uint32_t found = search(&base, &aimed, hits[0], &work[0]);
        assert_int_equal(search(&flipped, &plain, hits[1], &work[1]), found);
        assert_int_equal(found, K);
        for (uint32_t j = 0; j < K; j++) {
            float vectors[2][CG_TILE_DIMS_MAX];
            assert_true(hits[0][j].id == hits[1][j].id);
            assert_int_equal(hits[0][j].row, hits[1][j].row);
            assert_true(hits[0][j].distance == hits[1][j].distance);
            assert_int_equal(cg_tiling_node(&w->tiling, hits[0][j].id).shard, number);
            cg_tile_shard_vector(&shard, base.segment, hits[0][j].row, vectors[0]);
            cg_segment_vector(flipped.segment, hits[0][j].row, vectors[1]);
            for (uint32_t d = 0; d < w->tiling.law.dims; d++) {
                assert_true(vectors[0][d] == vectors[1][d]);
            }
        }
        assert_memory_equal(&work[0], &work[1], sizeof work[0]);
    }
    melt(w, &base);
    melt(w, &flipped);
}

static void test_precisions(void **state) {
    (void)state;
    static const uint32_t mixes[][CG_PRECISION_COUNT] = {
        {100, 0, 0, 0, 0}, {0, 100, 0, 0, 0}, {0, 0, 100, 0, 0},
        {0, 0, 0, 100, 0}, {0, 0, 0, 0, 100}, {1, 4, 15, 30, 50},
    };
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
        world w = world_of(i % 2 ? 40 : 24, 5, ROWS, i % 2 == 1);
        memcpy(w.options.percent, mixes[i], sizeof mixes[i]);
        w.options.has_fuller = i != 3;
        w.options.fuller = i == 4 ? CG_PRECISION_F16 : CG_PRECISION_F32;
        check_shard(&w, 21);
    }
}

static void test_built_on(void **state) {
    (void)state;
    for (int codes = CG_PRECISION_F32; codes <= CG_PRECISION_I8; codes++) {
        world w = world_of(70, 11, ROWS, codes == CG_PRECISION_F16);
        w.options.codes = (cg_precision)codes;
        w.tiling.law.separation = 1.5;
        cg_error error = {0};
        assert_ok(cg_tiling_init(&w.tiling, &error), error);
        check_shard(&w, 0);
        check_shard(&w, 1234);
    }
}

/* --- the oracle ---------------------------------------------------------------------------- */

typedef struct point_sets {
    cg_tile_points of[BASES_MAX];
    uint32_t missing; /* a base that cannot be had */
} point_sets;

static const cg_tile_points *points_of(void *context, uint32_t base) {
    point_sets *sets = context;
    return base == sets->missing ? NULL : &sets->of[base];
}

static void take_points(const world *w, point_sets *sets) {
    cg_error error = {0};
    sets->missing = UINT32_MAX;
    for (uint32_t base = 0; base < w->tiling.base_count; base++) {
        assert_ok(cg_tile_points_alloc(&w->tiling, base, &w->runner, w->heap, &sets->of[base],
                                       &error),
                  error);
    }
}

static void drop_points(const world *w, point_sets *sets) {
    for (uint32_t base = 0; base < w->tiling.base_count; base++) {
        cg_tile_points_free(&sets->of[base], &w->tiling, w->heap);
    }
}

/* Fresh ones, nodes themselves, and one in the middle, where every shard is equally near. */
static float *draw_queries(const world *w, uint32_t count) {
    const uint32_t dims = w->tiling.law.dims;
    cg_stream stream = cg_stream_init(w->tiling.seed, "test.oracle", 0);
    float *queries = calloc((size_t)count * dims, sizeof *queries);
    assert_non_null(queries);
    for (uint32_t i = 0; i < count; i++) {
        float *query = queries + (size_t)i * dims;
        uint64_t id = cg_stream_next_below(&stream, w->tiling.node_count);
        cg_tiling_vector(&w->tiling, cg_tiling_node(&w->tiling, id), query);
        if (i % 3 == 1) {
            cg_tile_law_draw(&w->tiling.law, &stream, query);
        }
        for (uint32_t d = 0; i == 2 && w->tiling.axes < dims && d < w->tiling.axes; d++) {
            query[d] = d % 2 ? 0.0f : -0.0f;
        }
        if (w->tiling.law.is_normalised) {
            assert_true(cg_vector_normalise(query, dims));
        }
    }
    return queries;
}

static void check_oracle(const world *w, uint32_t k) {
    const cg_tiling *tiling = &w->tiling;
    const uint32_t dims = tiling->law.dims;
    const uint32_t nodes = (uint32_t)tiling->node_count;
    float *all = malloc((size_t)nodes * dims * sizeof *all);
    float *queries = draw_queries(w, QUERIES);
    cg_index_hit *expected = calloc((size_t)QUERIES * k, sizeof *expected);
    cg_index_hit *hits = calloc((size_t)QUERIES * k, sizeof *hits);
    cg_tile_exact_effort efforts[QUERIES];
    assert_true(all && expected && hits);
    for (uint32_t id = 0; id < nodes; id++) {
        cg_tiling_vector(tiling, cg_tiling_node(tiling, id), all + (size_t)id * dims);
    }
    cg_oracle_input naive = {.metric = tiling->metric,
                             .dims = dims,
                             .vectors = all,
                             .count = nodes,
                             .queries = queries,
                             .query_count = QUERIES,
                             .k = k};
    cg_error error = {0};
    assert_ok(cg_oracle_nearest(&naive, &w->runner, w->heap, expected, &error), error);
    point_sets sets = {0};
    take_points(w, &sets);
    support_disorder disorder;
    cg_runner runner = support_disordered(&disorder, 2, 3);
    cg_tile_exact_input input = {.tiling = tiling,
                                 .queries = queries,
                                 .query_count = QUERIES,
                                 .k = k,
                                 .points_of = points_of,
                                 .context = &sets};
    assert_ok(cg_tile_exact(&input, &runner, w->heap, hits, efforts, &error), error);
    uint64_t scanned = 0;
    for (uint32_t i = 0; i < QUERIES; i++) {
        assert_true(efforts[i].is_complete);
        scanned += efforts[i].shards;
        for (uint32_t j = 0; j < k; j++) {
            cg_index_hit hit = hits[(size_t)i * k + j];
            cg_index_hit wanted = expected[(size_t)i * k + j];
            assert_true(hit.distance == wanted.distance);
            if (wanted.row == UINT32_MAX) {
                assert_true(hit.id == UINT64_MAX && hit.row == UINT32_MAX);
            } else {
                assert_true(hit.id == wanted.row);
                assert_int_equal(hit.row, cg_tiling_node(tiling, hit.id).row);
            }
        }
    }
    /* Where shards lie far apart, most need not be looked at. */
    assert_true(tiling->law.separation < 5.0 ||
                scanned * 4 < (uint64_t)QUERIES * tiling->shard_count);
    drop_points(w, &sets);
    free(all);
    free(queries);
    free(expected);
    free(hits);
}

static void test_oracle(void **state) {
    (void)state;
    static const struct {
        uint32_t dims;
        uint32_t axes;
        uint32_t rows;
        uint32_t k;
        double separation;
        cg_tile_bases bases;
        bool is_cosine;
    } cases[] = {
        {24, 0, 500, 10, 0.0, CG_TILE_BY_SYNDROME, false},
        {24, 10, 130, 10, 10.0, CG_TILE_BY_SYNDROME, false},
        {24, 10, 60, 10, 10.0, CG_TILE_BY_SYNDROME, true},
        {40, 8, 50, 1, 0.0, CG_TILE_SINGLE, true},
        {24, 5, 129, 50, 1.0, CG_TILE_DISTINCT, false},
        {33, 4, 2, 40, 0.0, CG_TILE_BY_SYNDROME, false}, /* fewer nodes than wanted */
        {70, 10, 1, 3, 0.0, CG_TILE_BY_SYNDROME, false},
        {2, 2, 2000, 200, 0.0, CG_TILE_BY_SYNDROME, false}, /* many near the borders */
        {3, 3, 1000, 100, 0.0, CG_TILE_BY_SYNDROME, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world w = world_of(cases[i].dims, cases[i].axes, cases[i].rows, cases[i].is_cosine);
        cg_error error = {0};
        w.tiling.bases = cases[i].bases;
        w.tiling.law.separation = cases[i].separation;
        w.tiling.law.leading =
            cases[i].dims < 10 ? cases[i].dims : 10; /* few modes in a shard */
        assert_ok(cg_tiling_init(&w.tiling, &error), error);
        check_oracle(&w, cases[i].k);
    }
}

/* Nodes at the very places where a scan that ends too early, or forgets that ids break ties, goes
 * wrong. Vectors are the caller's, so they can be anywhere. */
static void test_oracle_borders(void **state) {
    (void)state;
    static _Alignas(64) float vectors[2 * 16];
    static _Alignas(64) float others[2 * 16];
    static cg_tile_points points = {.vectors = vectors, .stride = 16};
    point_sets sets = {.missing = UINT32_MAX};
    sets.of[0] = points;
    cg_tiling tiling = {.law = cg_tile_law_default(2),
                        .metric = CG_METRIC_L2,
                        .axes = 1,
                        .nodes_a_shard = 2,
                        .bases = CG_TILE_SINGLE};
    cg_error error = {0};
    cg_runner serial = cg_runner_serial();
    assert_ok(cg_tiling_init(&tiling, &error), error);
    float query[2] = {-0.5f, 0.0f};
    cg_index_hit hits[2];
    cg_tile_exact_effort effort;
    cg_tile_exact_input input = {.tiling = &tiling,
                                 .queries = query,
                                 .query_count = 1,
                                 .k = 2,
                                 .points_of = points_of,
                                 .context = &sets};
    /* From -0.5 to the images of 0.25 and 1.25: 0.25, then 0.75 twice, row 1 of shard 1 first. */
    vectors[0] = 0.25f;
    vectors[16] = 1.25f;
    assert_ok(cg_tile_exact(&input, &serial, cg_allocator_heap(), hits, &effort, &error),
              error);
    assert_true(hits[0].id == 2 && hits[0].distance == 0.0625f);
    assert_true(hits[1].id == 0 && hits[1].distance == 0.5625f);
    assert_int_equal(effort.shards, 2);
    /* Base 0 has the nearest, just across the border, by a hair nearer than what base 1 has in the
     * query's own shard. */
    tiling.bases = CG_TILE_DISTINCT;
    assert_ok(cg_tiling_init(&tiling, &error), error);
    sets.of[1] = (cg_tile_points){.vectors = others, .stride = 16};
    vectors[0] = 0.00001f;
    others[0] = 1.0001f;
    others[16] = 3.0f;
    input.k = 1;
    assert_ok(cg_tile_exact(&input, &serial, cg_allocator_heap(), hits, &effort, &error),
              error);
    assert_int_equal(hits[0].id, 0);
    assert_int_equal(effort.shards, 2);
    others[0] = 0.9999f; /* nearer than anything across can be */
    assert_ok(cg_tile_exact(&input, &serial, cg_allocator_heap(), hits, &effort, &error),
              error);
    assert_int_equal(hits[0].id, 2);
    assert_int_equal(effort.shards, 1);
}

static void test_oracle_input(void **state) {
    (void)state;
    world w = world_of(24, 4, 60, true);
    point_sets sets = {0};
    take_points(&w, &sets);
    float *queries = draw_queries(&w, QUERIES);
    cg_index_hit hits[QUERIES * 3];
    cg_tile_exact_effort efforts[QUERIES];
    cg_tile_exact_input good = {.tiling = &w.tiling,
                                .queries = queries,
                                .query_count = QUERIES,
                                .k = 3,
                                .points_of = points_of,
                                .context = &sets};
    cg_error error = {0};
    cg_tile_exact_input input = good;
    input.k = 0;
    assert_status(cg_tile_exact(&input, &w.runner, w.heap, hits, efforts, &error),
                  CG_ERROR_INVALID, error, "k = 0 neighbours");
    input = good;
    input.shards_max = 1;
    assert_ok(cg_tile_exact(&input, &w.runner, w.heap, hits, efforts, &error), error);
    assert_int_equal(efforts[1].shards, 1);
    assert_false(efforts[1].is_complete);
    sets.missing = 5;
    assert_status(cg_tile_exact(&good, &w.runner, w.heap, hits, efforts, &error),
                  CG_ERROR_MEMORY, error, "no memory for the oracle's query");
    sets.missing = UINT32_MAX;
    cg_counting_allocator counting;
    cg_counting_allocator_init(&counting, w.heap);
    cg_status status = CG_ERROR_MEMORY;
    for (uint64_t n = 1; status != CG_OK; n++) {
        counting.fail_at = n;
        counting.calls = 0;
        status = cg_tile_exact(&good, &w.runner, cg_counting_allocator_view(&counting), hits,
                               efforts, &error);
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        assert_int_equal(counting.live_blocks, 0);
        assert_true(n < 100 && (n > 3 || status != CG_OK));
    }
    queries[(size_t)24 * 7] *= 1.5f;
    assert_status(cg_tile_exact(&good, &w.runner, w.heap, hits, efforts, &error),
                  CG_ERROR_INVALID, error, "query 7 of the 30 given: its length is not 1");
    queries[(size_t)24 * 4 + 3] = NAN;
    assert_status(cg_tile_exact(&good, &w.runner, w.heap, hits, efforts, &error),
                  CG_ERROR_INVALID, error,
                  "query 4 of the 30 given: a coordinate is not finite");
    drop_points(&w, &sets);
    free(queries);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_precisions),   cmocka_unit_test(test_built_on),
        cmocka_unit_test(test_oracle),       cmocka_unit_test(test_oracle_borders),
        cmocka_unit_test(test_oracle_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
