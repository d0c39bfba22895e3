/* Goal: a tiled graph meets a search as a really drawn one does. For queries that are nodes, the
 * share of the true ten nearest that the first 1, 2, 4 and 8 shards in the order of their bounds
 * hold, and the distance of the nearest, are those of independent draws of the law at the same
 * queries; and they are not where a shard is its neighbour's plain mirror image, nor, with many
 * small shards, where all have one base: so the test can tell (design.md, "Ten billion nodes", 3,
 * whose figures this law gives at 200,000 nodes).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tile/tile_exact.h"
#include "engine/tile/tile_order.h"
#include "engine/vector/vector.h"
#include "tests/support/runner.h"
#include "tests/support/support.h"

enum {
    DIMS = 24,
    K = 10,
    PROBES = 4, /* 1, 2, 4, 8 shards */
    NODES = SUPPORT_SANITISED ? 20000 : 48000,
    QUERIES = SUPPORT_SANITISED ? 200 : 1500,
    SHARDS_MAX = 256
};

/* IMAGES_MIRRORED: flips on the partition axes alone. */
typedef enum images { IMAGES_FLIPPED, IMAGES_MIRRORED } images;

typedef struct figures {
    double share[PROBES];
    double nearest;
} figures;

static uint32_t workers = 2;

static cg_tiling tiling_of(uint32_t axes, cg_tile_bases bases) {
    cg_tiling tiling = {.law = {.dims = DIMS, .leading = 4, .decay = 0.8},
                        .metric = CG_METRIC_L2,
                        .seed = support_seed(41),
                        .axes = axes,
                        .nodes_a_shard = NODES >> axes,
                        .bases = bases};
    cg_error error = {0};
    assert_ok(cg_tiling_init(&tiling, &error), error);
    return tiling;
}

static cg_tile_mask mask_of(const cg_tiling *tiling, uint32_t shard, images how) {
    cg_tile_mask mask = cg_tiling_mask_of(tiling, shard);
    if (how == IMAGES_MIRRORED) {
        mask = (cg_tile_mask){.bits = {shard}};
    }
    return mask;
}

typedef struct sample {
    float *queries; /* [count * DIMS] nodes */
    uint64_t ids[QUERIES];
    uint32_t count;
} sample;

static void draw_sample(const cg_tiling *tiling, images how, sample *out) {
    cg_stream stream = cg_stream_init(tiling->seed, "test.symmetry", tiling->axes);
    out->count = how == IMAGES_MIRRORED ? QUERIES / 10 : QUERIES;
    out->queries = malloc((size_t)QUERIES * DIMS * sizeof *out->queries);
    assert_non_null(out->queries);
    for (uint32_t i = 0; i < out->count; i++) {
        out->ids[i] = cg_stream_next_below(&stream, tiling->node_count);
        cg_tile_node node = cg_tiling_node(tiling, out->ids[i]);
        cg_tile_mask mask = mask_of(tiling, node.shard, how);
        float *query = out->queries + (size_t)i * DIMS;
        cg_tiling_base_vector(tiling, cg_tiling_base_of(tiling, node.shard), node.row, query);
        cg_vector_flip(query, DIMS, mask.bits, query);
    }
}

/* The nearest of all, each query by a call of its own: the oracle's order of shards asks for masks
 * that mirror images do not have, so their shards are compared whole. */
static void keep(cg_index_hit *nearest, cg_index_hit hit) {
    uint32_t place = K + 1;
    for (; place > 0 && hit.distance < nearest[place - 1].distance; place--) {
        if (place < K + 1) {
            nearest[place] = nearest[place - 1];
        }
    }
    if (place < K + 1) {
        nearest[place] = hit;
    }
}

static void find_mirrored(const cg_tiling *tiling, const cg_tile_points *points,
                          const float *query, cg_index_hit *nearest) {
    const uint32_t rows = tiling->nodes_a_shard;
    for (uint32_t i = 0; i < K + 1; i++) {
        nearest[i] = (cg_index_hit){.distance = INFINITY};
    }
    for (uint32_t shard = 0; shard < tiling->shard_count; shard++) {
        const cg_tile_mask mask = mask_of(tiling, shard, IMAGES_MIRRORED);
        const cg_tile_points *own = &points[cg_tiling_base_of(tiling, shard)];
        float flipped[DIMS];
        cg_vector_flip(query, DIMS, mask.bits, flipped);
        for (uint32_t row = 0; row < rows; row++) {
            const float *vector = own->vectors + row * own->stride;
            float square = 0.0f;
            for (uint32_t d = 0; d < DIMS; d++) {
                square += (vector[d] - flipped[d]) * (vector[d] - flipped[d]);
            }
            keep(nearest, (cg_index_hit){.id = (uint64_t)shard * rows + row,
                                         .row = row,
                                         .distance = square});
        }
    }
}

static const cg_tile_points *points_of(void *context, uint32_t base) {
    return (const cg_tile_points *)context + base;
}

/* nearest[QUERIES * (K + 1)], the nodes themselves among them where the sample is of this tiling. */
static void find_nearest(const cg_tiling *tiling, images how, const sample *from,
                         cg_index_hit *nearest) {
    static cg_tile_points points[SHARDS_MAX];
    const cg_allocator heap = cg_allocator_heap();
    const cg_runner runner = support_threads(&workers);
    cg_error error = {0};
    for (uint32_t base = 0; base < tiling->base_count; base++) {
        assert_ok(cg_tile_points_alloc(tiling, base, &runner, heap, &points[base], &error),
                  error);
    }
    cg_tile_exact_input input = {.tiling = tiling,
                                 .queries = from->queries,
                                 .query_count = from->count,
                                 .k = K + 1,
                                 .points_of = points_of,
                                 .context = points};
    if (how == IMAGES_FLIPPED) {
        assert_ok(cg_tile_exact(&input, &runner, heap, nearest, NULL, &error), error);
    }
    for (uint32_t i = 0; how == IMAGES_MIRRORED && i < from->count; i++) {
        find_mirrored(tiling, points, from->queries + (size_t)i * DIMS,
                      nearest + (size_t)i * (K + 1));
    }
    for (uint32_t base = 0; base < tiling->base_count; base++) {
        cg_tile_points_free(&points[base], tiling, heap);
    }
}

static figures measure(const cg_tiling *tiling, images how, const sample *from, bool is_own) {
    figures result = {.nearest = 0.0};
    cg_index_hit *nearest = malloc((size_t)from->count * (K + 1) * sizeof *nearest);
    assert_non_null(nearest);
    find_nearest(tiling, how, from, nearest);
    cg_tile_order order;
    cg_tile_order_init(&order, cg_allocator_heap());
    for (uint32_t i = 0; i < from->count; i++) {
        const cg_index_hit *own = nearest + (size_t)i * (K + 1) + is_own;
        assert_true(!is_own || own[-1].id == from->ids[i]);
        cg_tile_order_begin(&order, tiling, from->queries + (size_t)i * DIMS);
        for (uint32_t probe = 0; probe < 8; probe++) {
            cg_tile_bound next;
            cg_error error = {0};
            assert_ok(cg_tile_order_next(&order, &next, &error), error);
            for (uint32_t j = 0; j < K; j++) {
                bool is_there = cg_tiling_node(tiling, own[j].id).shard == next.shard;
                for (uint32_t p = 0; is_there && p < PROBES; p++) {
                    result.share[p] += probe < 1u << p ? 1.0 / (from->count * K) : 0.0;
                }
            }
        }
        result.nearest += sqrt((double)own[0].distance) / from->count;
    }
    cg_tile_order_deinit(&order);
    free(nearest);
    return result;
}

static void print(const char *name, uint32_t axes, const figures *of) {
    (void)fprintf(stderr, "%3u shards, %-22s %.3f %.3f %.3f %.3f, nearest %.3f\n", 1u << axes,
                  name, of->share[0], of->share[1], of->share[2], of->share[3], of->nearest);
}

/* A tiling, and independent draws at the same queries. */
static void compare(const char *name, uint32_t axes, cg_tile_bases bases, images how,
                    figures *tiled, figures *drawn) {
    const cg_tiling tiling = tiling_of(axes, bases);
    cg_tiling reference = tiling_of(axes, CG_TILE_DISTINCT);
    reference.seed++;
    static sample from;
    draw_sample(&tiling, how, &from);
    *tiled = measure(&tiling, how, &from, true);
    *drawn = measure(&reference, IMAGES_FLIPPED, &from, false);
    print("really drawn", axes, drawn);
    print(name, axes, tiled);
    free(from.queries);
}

/* Sampling of nodes and of bases moves a share by some 0.006. */
static void assert_alike(const figures *tiled, const figures *drawn) {
    const double tolerance = SUPPORT_SANITISED ? 0.05 : 0.02;
    for (uint32_t p = 0; p < PROBES; p++) {
        if (fabs(tiled->share[p] - drawn->share[p]) > tolerance) {
            fail_msg("the first %u shards hold %.3f and not %.3f", 1u << p, tiled->share[p],
                     drawn->share[p]);
        }
    }
    assert_true(fabs(tiled->nearest / drawn->nearest - 1.0) < 0.03);
}

static void test_few_shards(void **state) {
    (void)state;
    figures tiled;
    figures drawn;
    compare("one base, free flips", 4, CG_TILE_SINGLE, IMAGES_FLIPPED, &tiled, &drawn);
    assert_alike(&tiled, &drawn);
    compare("bases by syndrome", 4, CG_TILE_BY_SYNDROME, IMAGES_FLIPPED, &tiled, &drawn);
    assert_alike(&tiled, &drawn);
}

static void test_many_shards(void **state) {
    (void)state;
    figures tiled;
    figures drawn;
    compare("bases by syndrome", 8, CG_TILE_BY_SYNDROME, IMAGES_FLIPPED, &tiled, &drawn);
    assert_alike(&tiled, &drawn);
}

/* What the flips and the colours are there for. */
static void test_without(void **state) {
    (void)state;
    figures tiled;
    figures drawn;
    compare("plain mirror images", 4, CG_TILE_SINGLE, IMAGES_MIRRORED, &tiled, &drawn);
    assert_true(tiled.share[0] < drawn.share[0] - 0.1);
    assert_true(tiled.nearest < 0.6 * drawn.nearest);
    compare("one base, free flips", 8, CG_TILE_SINGLE, IMAGES_FLIPPED, &tiled, &drawn);
    assert_true(tiled.share[0] < drawn.share[0] - 0.015);
    assert_true(tiled.nearest < 0.95 * drawn.nearest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_few_shards),
        cmocka_unit_test(test_many_shards),
        cmocka_unit_test(test_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
