/* Goal: laws and tilings are what their headers say: symmetric draws, a colouring in which near
 * shards never share a base, ids that round trip, masks and bounds by their definitions, and
 * sentences for what cannot be.
 */
#include "engine/tile/tiling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vector/vector.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

enum { DIMS = 24 };

static cg_tiling tiling_of(uint32_t axes, uint32_t nodes, cg_tile_bases bases) {
    cg_tiling tiling = {.law = cg_tile_law_default(DIMS),
                        .metric = CG_METRIC_L2,
                        .seed = 1,
                        .axes = axes,
                        .nodes_a_shard = nodes,
                        .bases = bases};
    cg_error error = {0};
    assert_ok(cg_tiling_init(&tiling, &error), error);
    return tiling;
}

static void assert_near(double value, double expected, double tolerance) {
    if (!(fabs(value - expected) <= tolerance)) {
        fail_msg("%.9g is not within %g of %.9g", value, tolerance, expected);
    }
}

static void test_law_bad_input(void **state) {
    (void)state;
    static const struct {
        uint32_t dims;
        uint32_t leading;
        double separation;
        double decay;
        const char *part;
    } cases[] = {
        {1, 1, 0.0, 0.5, "has 1 dims; it must have 2 to 256"},
        {257, 1, 0.0, 0.5, "has 257 dims"},
        {24, 0, 0.0, 0.5, "has 0 leading axes; it must have 1 to its 24 dims"},
        {24, 25, 0.0, 0.5, "has 25 leading axes"},
        {24, 4, -0.5, 0.5, "separation is -0.5; it must be in [0, 100]"},
        {24, 4, 101.0, 0.5, "separation is 101"},
        {24, 4, (double)NAN, 0.5, "separation is"},
        {24, 4, 0.0, -1.0, "spectrum is -1; it must be in [0, 8]"},
        {24, 4, 0.0, (double)NAN, "spectrum is"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_tile_law law = {.dims = cases[i].dims,
                           .leading = cases[i].leading,
                           .separation = cases[i].separation,
                           .decay = cases[i].decay};
        cg_tile_law before = law;
        cg_error error = {0};
        assert_status(cg_tile_law_init(&law, &error), CG_ERROR_INVALID, error, cases[i].part);
        assert_memory_equal(&law, &before, sizeof law);
    }
}

/* Means, medians and deviations of each axis, of a law with modes. */
static void test_law_moments(void **state) {
    (void)state;
    enum { DRAWS = 20000 };
    cg_tile_law law = {.dims = DIMS, .leading = 6, .separation = 2.0, .decay = 0.7};
    cg_error error = {0};
    assert_ok(cg_tile_law_init(&law, &error), error);
    double squares[DIMS] = {0};
    double sums[DIMS] = {0};
    uint32_t negative[DIMS] = {0};
    uint32_t together = 0;
    cg_stream stream = cg_stream_init(support_seed(3), "test.law", 0);
    for (uint32_t i = 0; i < DRAWS; i++) {
        float drawn[DIMS];
        uint64_t before = stream.counter;
        cg_tile_law_draw(&law, &stream, drawn);
        assert_int_equal(stream.counter - before, 2 * DIMS + 1);
        for (uint32_t d = 0; d < DIMS; d++) {
            sums[d] += (double)drawn[d];
            squares[d] += (double)drawn[d] * (double)drawn[d];
            negative[d] += drawn[d] < 0.0f;
        }
        together += (drawn[0] < 0.0f) == (drawn[1] < 0.0f);
    }
    double total = 0.0;
    for (uint32_t d = 0; d < DIMS; d++) {
        double scale = law.deviations[d] * (d < 6 ? sqrt(5.0) : 1.0);
        assert_near(law.deviations[d], d < 6 ? 1.0 : pow((d + 1) / 6.0, -0.7), 1e-12);
        assert_near(squares[d] / DRAWS / (scale * scale), 1.0, 0.05);
        assert_near(sums[d] / DRAWS / scale, 0.0, 0.035);
        assert_near((double)negative[d] / DRAWS, 0.5, 0.018);
        total += scale * scale;
    }
    assert_near((double)together / DRAWS, 0.5, 0.018); /* axes have signs of their own */
    assert_near(law.length, sqrt(total), 1e-9);
}

/* Noise means the same on every axis, whether or not the law is normalised. */
static void test_near(void **state) {
    (void)state;
    enum { DRAWS = 4000 };
    for (int normal = 0; normal < 2; normal++) {
        cg_tile_law law = {.dims = DIMS,
                           .leading = 4,
                           .separation = 1.0,
                           .decay = 0.5,
                           .is_normalised = normal};
        cg_error error = {0};
        assert_ok(cg_tile_law_init(&law, &error), error);
        cg_stream stream = cg_stream_init(support_seed(5), "test.near", 0);
        double noise = 0.0;
        double signal = 0.0;
        for (uint32_t i = 0; i < DRAWS; i++) {
            float from[DIMS];
            float to[DIMS];
            cg_tile_law_draw(&law, &stream, from);
            cg_tile_law_draw_near(&law, &stream, 0.15, from, to);
            for (uint32_t d = 0; d < DIMS; d++) {
                noise += ((double)to[d] - (double)from[d]) * ((double)to[d] - (double)from[d]);
                signal += (double)from[d] * (double)from[d];
            }
        }
        double modes = law.length * law.length - 4.0; /* what modes do not add */
        double share = 0.15 * sqrt(modes) / law.length;
        /* Normalising takes away what noise there is along the vector. */
        assert_near(sqrt(noise / signal), share, normal ? 0.05 * share : 0.01 * share);
    }
}

/* A change of the draws would silently change every base: known values. */
static void test_known_draws(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(4, 100, CG_TILE_BY_SYNDROME);
    float drawn[DIMS];
    cg_tiling_vector(&tiling, (cg_tile_node){.shard = 5, .row = 7}, drawn);
    assert_int_equal(cg_tiling_shard_of(&tiling, drawn), 5);
    assert_near((double)drawn[0], -0.351625383, 1e-8);
    assert_near((double)drawn[23], -1.06671548, 1e-7);
    assert_int_equal(cg_tiling_mask_of(&tiling, 5).bits[0], 0x876d15);
}

static void test_tiling_bad_input(void **state) {
    (void)state;
    const cg_tiling good = tiling_of(4, 100, CG_TILE_BY_SYNDROME);
    cg_error error = {0};
#define REFUSED(FIELD, VALUE, PART)                                                            \
    do {                                                                                       \
        cg_tiling bad = good;                                                                  \
        bad.FIELD = (VALUE);                                                                   \
        const cg_tiling before = bad;                                                          \
        assert_status(cg_tiling_init(&bad, &error), CG_ERROR_INVALID, error, PART);            \
        assert_memory_equal(&bad, &before, sizeof bad);                                        \
    } while (0)
    REFUSED(axes, 32, "has 32 partition axes; it can have 31 at most");
    REFUSED(axes, 25, "no more than its vectors' 24 dims");
    REFUSED(nodes_a_shard, 0, "has 0 nodes a shard; it must have 1 to 2147483647");
    REFUSED(nodes_a_shard, UINT32_C(0x80000000), "has 2147483648 nodes a shard");
    REFUSED(metric, CG_METRIC_INNER_PRODUCT, "must be cosine (0) or L2 (1)");
    REFUSED(metric, CG_METRIC_COSINE, "its law must be normalised");
    REFUSED(bases, (cg_tile_bases)3, "bases by rule 3");
    REFUSED(law.dims, 0, "0 dims");
    cg_tiling fitted = good;
    assert_status(cg_tiling_fit(&fitted, 0, &error), CG_ERROR_INVALID, error, "of 0 nodes");
    fitted.nodes_a_shard = 0;
    assert_status(cg_tiling_fit(&fitted, 10, &error), CG_ERROR_INVALID, error, "about 0");
    fitted.nodes_a_shard = 1;
    assert_status(cg_tiling_fit(&fitted, UINT64_MAX, &error), CG_ERROR_INVALID, error,
                  "has 32 partition axes");
}

static void test_fit(void **state) {
    (void)state;
    static const struct {
        uint64_t n;
        uint32_t m;
        uint32_t axes;
        uint32_t fitted_m;
    } cases[] = {
        {1000, 76294, 0, 1000},
        {100000, 76294, 0, 100000},
        {107895, 76294, 0, 107895}, /* up to sqrt(2) m */
        {107897, 76294, 1, 53949},
        {1000000, 76294, 4, 62500},
        {UINT64_C(10000000000), 76294, 17, 76294},
        {UINT64_C(10000000000), 1220703, 13, 1220703},
        {7, 1, 3, 1},
        {1, 5, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cg_tiling tiling = tiling_of(0, cases[i].m, CG_TILE_BY_SYNDROME);
        cg_error error = {0};
        assert_ok(cg_tiling_fit(&tiling, cases[i].n, &error), error);
        assert_int_equal(tiling.axes, cases[i].axes);
        assert_int_equal(tiling.nodes_a_shard, cases[i].fitted_m);
        uint64_t off = tiling.node_count > cases[i].n ? tiling.node_count - cases[i].n
                                                      : cases[i].n - tiling.node_count;
        assert_true(2 * off <= tiling.shard_count);
    }
}

static void test_colouring(void **state) {
    (void)state;
    assert_int_equal(cg_tiling_base_of(&(cg_tiling){.axes = 4, .shard_count = 16}, 15), 4);
    for (uint32_t axes = 0; axes <= 16; axes++) {
        cg_tiling tiling = tiling_of(axes, 10, CG_TILE_BY_SYNDROME);
        assert_true(tiling.base_count > axes && tiling.base_count <= 2 * axes + (axes == 0));
        uint32_t *served = calloc(tiling.base_count, sizeof *served);
        assert_non_null(served);
        for (uint32_t shard = 0; shard < tiling.shard_count; shard++) {
            uint32_t base = cg_tiling_base_of(&tiling, shard);
            assert_true(base < tiling.base_count);
            served[base]++;
            for (uint32_t i = 0; i < axes; i++) {
                uint32_t near = shard ^ UINT32_C(1) << i;
                assert_true(cg_tiling_base_of(&tiling, near) != base);
                for (uint32_t j = 0; j < i; j++) {
                    uint32_t near_too = near ^ UINT32_C(1) << j;
                    assert_true(cg_tiling_base_of(&tiling, near_too) != base);
                }
            }
        }
        for (uint32_t base = 0; base < tiling.base_count; base++) {
            assert_int_equal(served[base], tiling.shard_count / tiling.base_count);
        }
        free(served);
    }
    assert_int_equal(tiling_of(15, 1, CG_TILE_BY_SYNDROME).base_count, 16);
    assert_int_equal(tiling_of(17, 1, CG_TILE_BY_SYNDROME).base_count, 32);
    cg_tiling distinct = tiling_of(6, 1, CG_TILE_DISTINCT);
    cg_tiling single = tiling_of(6, 1, CG_TILE_SINGLE);
    assert_int_equal(distinct.base_count, 64);
    assert_int_equal(single.base_count, 1);
    for (uint32_t shard = 0; shard < 64; shard++) {
        assert_int_equal(cg_tiling_base_of(&distinct, shard), shard);
        assert_int_equal(cg_tiling_base_of(&single, shard), 0);
    }
}

static void test_ids(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(17, 76294, CG_TILE_BY_SYNDROME);
    assert_true(tiling.node_count == UINT64_C(76294) << 17);
    cg_stream stream = cg_stream_init(support_seed(7), "test.ids", 0);
    for (uint32_t i = 0; i < 1000; i++) {
        uint64_t id = i == 0   ? 0
                      : i == 1 ? tiling.node_count - 1
                               : cg_stream_next_below(&stream, tiling.node_count);
        cg_tile_node node = cg_tiling_node(&tiling, id);
        assert_true(node.shard < tiling.shard_count && node.row < tiling.nodes_a_shard);
        assert_true(cg_tiling_id(&tiling, node) == id);
    }
    cg_tiling wide = tiling_of(24, UINT32_C(0x7fffffff), CG_TILE_BY_SYNDROME);
    cg_tile_node last = cg_tiling_node(&wide, wide.node_count - 1);
    assert_int_equal(last.shard, (1u << 24) - 1);
    assert_int_equal(last.row, UINT32_C(0x7ffffffe));
}

/* Nodes lie in their shard, and are their base's rows mirrored; half of the free axes are. */
static void test_vectors(void **state) {
    (void)state;
    for (uint32_t dims = 24; dims <= 136; dims += 56) {
        cg_tiling tiling = {.law = cg_tile_law_default(dims),
                            .metric = CG_METRIC_COSINE,
                            .seed = support_seed(11),
                            .axes = 9,
                            .nodes_a_shard = 5};
        tiling.law.is_normalised = true;
        cg_error error = {0};
        assert_ok(cg_tiling_init(&tiling, &error), error);
        uint32_t flipped = 0;
        for (uint64_t id = 0; id < tiling.node_count; id++) {
            float vector[CG_TILE_DIMS_MAX];
            float base[CG_TILE_DIMS_MAX];
            cg_tile_node node = cg_tiling_node(&tiling, id);
            cg_tile_mask mask = cg_tiling_mask_of(&tiling, node.shard);
            cg_tiling_vector(&tiling, node, vector);
            cg_tiling_base_vector(&tiling, cg_tiling_base_of(&tiling, node.shard), node.row,
                                  base);
            assert_int_equal(cg_tiling_shard_of(&tiling, vector), node.shard);
            assert_int_equal(cg_tiling_shard_of(&tiling, base), 0);
            assert_int_equal(mask.bits[0] & 511, node.shard);
            for (uint32_t d = 0; d < 64 * CG_TILE_MASK_WORDS; d++) {
                bool is_flipped = (mask.bits[d / 64] >> (d % 64)) & 1u;
                assert_true(d < dims || !is_flipped);
                assert_true(d >= dims || vector[d] == (is_flipped ? -base[d] : base[d]));
                flipped += d >= 9 && is_flipped;
            }
        }
        assert_near((double)flipped / (double)tiling.node_count / (dims - 9), 0.5, 0.03);
    }
}

/* -0 is negative, so a node whose coordinate is 0 stays in its shard. */
static void test_zero_sign(void **state) {
    (void)state;
    cg_tiling tiling = tiling_of(3, 5, CG_TILE_BY_SYNDROME);
    float vector[DIMS] = {0.0f, -0.0f, -1.0f};
    assert_int_equal(cg_tiling_shard_of(&tiling, vector), 6);
    assert_true(cg_tiling_bound(&tiling, vector, 0) == 1.0);
}

/* All rows of a base are the rows one by one, for any runner, and gaps are left alone. */
static void test_draw_base(void **state) {
    (void)state;
    enum { ROWS = 700, STRIDE = 32 };
    cg_tiling tiling = tiling_of(5, ROWS, CG_TILE_BY_SYNDROME);
    support_disorder disorder;
    cg_runner runner = support_disordered(&disorder, 1, 3);
    float *drawn = malloc((size_t)ROWS * STRIDE * sizeof *drawn);
    assert_non_null(drawn);
    memset(drawn, 0x7f, (size_t)ROWS * STRIDE * sizeof *drawn);
    cg_tiling_draw_base(&tiling, 3, &runner,
                        (cg_tile_points){.vectors = drawn, .stride = STRIDE});
    for (uint32_t row = 0; row < ROWS; row++) {
        float one[STRIDE];
        memset(one, 0x7f, sizeof one);
        cg_tiling_base_vector(&tiling, 3, row, one);
        assert_memory_equal(one, drawn + (size_t)row * STRIDE, sizeof one);
    }
    free(drawn);
}

/* The bound holds, and is reached by the query itself moved to the shard's border. */
static void test_bounds(void **state) {
    (void)state;
    cg_stream stream = cg_stream_init(support_seed(13), "test.bounds", 0);
    for (int normal = 0; normal < 2; normal++) {
        cg_tiling tiling = tiling_of(6, 40, CG_TILE_BY_SYNDROME);
        tiling.law.is_normalised = normal;
        tiling.metric = normal ? CG_METRIC_COSINE : CG_METRIC_L2;
        cg_error error = {0};
        assert_ok(cg_tiling_init(&tiling, &error), error);
        for (uint32_t i = 0; i < 20; i++) {
            float query[DIMS];
            cg_tile_law_draw(&tiling.law, &stream, query);
            for (uint32_t shard = 0; shard < tiling.shard_count; shard++) {
                double bound = cg_tiling_bound(&tiling, query, shard);
                double least = cg_tiling_bound_distance(&tiling, 1.0, bound);
                double reached = 0.0;
                double dot = 0.0;
                double border_length = 0.0;
                for (uint32_t d = 0; d < DIMS; d++) {
                    bool is_cut = d < 6 && (query[d] < 0.0f) != ((shard >> d) & 1u);
                    double border = is_cut ? 0.0 : (double)query[d];
                    reached += ((double)query[d] - border) * ((double)query[d] - border);
                    dot += (double)query[d] * border;
                    border_length += border * border;
                }
                assert_near(bound, reached, 1e-12);
                assert_near(least, normal ? 1.0 - dot / sqrt(border_length) : reached, 1e-6);
                for (uint32_t row = 0; row < 5; row++) {
                    float vector[DIMS];
                    double square = 0.0;
                    double product = 0.0;
                    cg_tiling_vector(&tiling, (cg_tile_node){shard, row}, vector);
                    for (uint32_t d = 0; d < DIMS; d++) {
                        double apart = (double)vector[d] - (double)query[d];
                        square += apart * apart;
                        product += (double)vector[d] * (double)query[d];
                    }
                    assert_true((normal ? 1.0 - product : square) >= least - 1e-6);
                }
            }
            assert_true(cg_tiling_bound(&tiling, query, cg_tiling_shard_of(&tiling, query)) ==
                        0.0);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_law_bad_input),
        cmocka_unit_test(test_law_moments),
        cmocka_unit_test(test_near),
        cmocka_unit_test(test_known_draws),
        cmocka_unit_test(test_tiling_bad_input),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_colouring),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_zero_sign),
        cmocka_unit_test(test_draw_base),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
