/* Goal: with a beam and a re-ranking as wide as the index, a search gives what the naive oracle
 * gives, to the bit: ids, rows, order and distances; over dimensions 1 to 1,031, sizes from 0,
 * k beyond the size, every metric and form of vectors, duplicates by the thousand, and ids at
 * the edges of their type. */
#include "tests/support/index_check.h"
#include "tests/support/index_oracle.h"
#include "tests/support/index_rig.h"

static uint64_t seed;

typedef struct forms {
    cg_precision codes;
    cg_precision fuller;
} forms;
static const forms all_forms[] = {
    {CG_PRECISION_F32, CG_PRECISION_F32}, {CG_PRECISION_F16, CG_PRECISION_F32},
    {CG_PRECISION_F16, CG_PRECISION_F16}, {CG_PRECISION_I8, CG_PRECISION_F32},
    {CG_PRECISION_I8, CG_PRECISION_F16},  {CG_PRECISION_I8, CG_PRECISION_I8},
};
enum { FORMS = sizeof all_forms / sizeof *all_forms, METRICS = CG_METRIC_INNER_PRODUCT + 1 };

/* The first ones are edges; all differ. */
static uint64_t id_at(uint32_t i) {
    const uint64_t edges[] = {0,
                              UINT64_MAX,
                              1,
                              UINT64_MAX - 1,
                              UINT64_C(1) << 63,
                              (UINT64_C(1) << 63) - 1,
                              (UINT64_C(1) << 63) + 1,
                              UINT32_MAX,
                              UINT64_C(1) << 32,
                              INT32_MAX};
    const uint32_t count = sizeof edges / sizeof *edges;
    return i < count ? edges[i] : UINT64_C(0x9e3779b97f4a7c15) * i;
}

typedef struct world {
    cg_index *index;
    oracle oracle;
    float *rows;
    uint32_t count;
} world;

/* Adds in up to three parts; five rows more are drawn, to ask for. */
static world make_world(const cg_index_options *options, const drawing *what,
                        cg_stream *stream) {
    world made = {.index = rig_index(options), .count = what->count};
    drawing more = *what;
    more.count += 5;
    made.rows = draw_rows(&more);
    made.oracle = oracle_of(made.index);
    uint64_t *ids = malloc((what->count + 1u) * sizeof *ids);
    assert_non_null(ids);
    for (uint32_t i = 0; i < what->count; i++) {
        ids[i] = options->has_ids ? id_at(i) : options->first_id + i;
        oracle_add(&made.oracle, ids[i], made.rows + (size_t)i * what->dims);
    }
    for (uint32_t done = 0, part = 0; done < what->count; done += part) {
        part = 1 + (uint32_t)cg_stream_next_below(stream, what->count - done);
        rig_add(made.index, made.rows + (size_t)done * what->dims,
                options->has_ids ? ids + done : NULL, part);
    }
    free(ids);
    assert_int_equal(cg_index_count(made.index), what->count);
    if (options->kind == CG_INDEX_HNSW) {
        check_graph(made.index);
    }
    return made;
}

static void free_world(world *used) {
    oracle_deinit(&used->oracle);
    cg_index_free(used->index);
    free(used->rows);
}

static void ask(const world *asked, uint32_t queries, cg_stream *stream,
                cg_index_scratch *scratch) {
    uint64_t flips[65];
    for (size_t i = 0; i < 65; i++) {
        flips[i] = cg_stream_next(stream);
    }
    for (uint32_t i = 0; i < queries; i++) {
        uint32_t at = (uint32_t)cg_stream_next_below(stream, asked->count + 5u);
        cg_index_query query = {
            .vector = asked->rows + (size_t)at * asked->oracle.dims,
            .k = 1 + (uint32_t)cg_stream_next_below(stream, asked->count + 10u),
            .ef = asked->count + (uint32_t)cg_stream_next_below(stream, 3),
            .rerank = asked->count + 1,
            .flip_bits = cg_stream_next_below(stream, 3) == 0 ? flips : NULL};
        oracle_check_exact(&asked->oracle, &query, NULL, NULL, scratch);
        query.ef = 1;
        query.rerank = 0;
        oracle_check_sound(&asked->oracle, &query, NULL, NULL, scratch);
    }
}

static void check_dims(uint32_t dims, cg_stream *stream) {
    cg_index_scratch *scratch = rig_scratch();
    const uint32_t most = dims > 100 ? 50 : 100; /* the oracle is slow */
    for (uint32_t i = 0; i < METRICS * (FORMS + 1u); i++) {
        cg_index_options options =
            rig_options(CG_INDEX_HNSW, dims, 4 + (uint32_t)cg_stream_next_below(stream, 9));
        options.metric = (cg_metric)(i % METRICS);
        options.kind = i / METRICS < FORMS ? CG_INDEX_HNSW : CG_INDEX_FLAT;
        options.codes = all_forms[i / METRICS % FORMS].codes;
        options.fuller = all_forms[i / METRICS % FORMS].fuller;
        options.has_ids = cg_stream_next_below(stream, 2) == 0;
        options.first_id = options.has_ids ? 0 : UINT64_MAX - 20;
        drawing what = {.seed = seed,
                        .shape = (data_shape)cg_stream_next_below(stream, SHAPES),
                        .count = (uint32_t)cg_stream_next_below(stream, i % 5 == 0 ? 5 : most),
                        .dims = dims,
                        .nth = dims,
                        .has_length = options.metric != CG_METRIC_COSINE};
        world made = make_world(&options, &what, stream);
        ask(&made, 2, stream, scratch);
        free_world(&made);
    }
    cg_index_scratch_free(scratch);
}

static void test_every_dimension_metric_and_form(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "index_exact.dims", 0);
    const uint32_t more[] = {31,  32,  33,  47,  48,  49,  63,  64,   65,   97,
                             127, 128, 129, 191, 251, 257, 509, 1021, 1024, 1031};
    for (uint32_t dims = 1; dims <= 20; dims++) {
        check_dims(dims, &stream);
    }
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        check_dims(more[i], &stream);
    }
}

static void test_dims_at_the_limit(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "index_exact.limit", 0);
    cg_index_scratch *scratch = rig_scratch();
    for (size_t i = 0; i < FORMS; i++) {
        cg_index_options options = rig_options(CG_INDEX_HNSW, 4096, 8);
        options.codes = all_forms[i].codes;
        options.fuller = all_forms[i].fuller;
        drawing what = {.seed = seed, .shape = SPREAD, .count = 30, .dims = 4096};
        world made = make_world(&options, &what, &stream);
        ask(&made, 3, &stream, scratch);
        free_world(&made);
    }
    cg_index_scratch_free(scratch);
}

static void test_duplicates_by_the_thousand(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(seed, "index_exact.duplicates", 0);
    cg_index_scratch *scratch = rig_scratch();
    for (size_t i = 0; i < FORMS; i++) {
        for (data_shape shape = HALF_EQUAL; shape <= FEW_POINTS; shape++) {
            cg_index_options options = rig_options(CG_INDEX_HNSW, 7, 8);
            options.codes = all_forms[i].codes;
            options.fuller = all_forms[i].fuller;
            options.metric = (cg_metric)(i % METRICS);
            options.has_ids = true;
            drawing what = {.seed = seed, .shape = shape, .count = 3000, .dims = 7};
            world made = make_world(&options, &what, &stream);
            ask(&made, 1, &stream, scratch);
            free_world(&made);
        }
    }
    cg_index_scratch_free(scratch);
}

int main(void) {
    seed = support_seed(20250101);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_dimension_metric_and_form),
        cmocka_unit_test(test_dims_at_the_limit),
        cmocka_unit_test(test_duplicates_by_the_thousand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
