/* Random spreads over hosts, and the comparison with a single host's. */
#ifndef CG_TESTS_SUPPORT_SPREAD_SAMPLE_H
#define CG_TESTS_SUPPORT_SPREAD_SAMPLE_H

#include "engine/graph/partition/partitioner.h"
#include "engine/graph/synthetic.h"
#include "tests/support/spread_cluster.h"

enum { SAMPLE_ROWS_MAX = 1500, SAMPLE_SEEDS_MAX = 8 };

typedef struct spread_sample {
    cg_graph *graph;
    uint32_t rows;
    uint32_t hosts;
    uint32_t owners[SAMPLE_ROWS_MAX];
    cg_spread_seed seeds[SAMPLE_SEEDS_MAX];
    cg_spread_tiers tiers;
    cg_distributed_query query;
} spread_sample;

/* Several edges between the same concepts, grown rows, ties: all weights alike now and then. */
static inline cg_graph *sample_graph(cg_stream *stream, uint32_t rows) {
    static const uint16_t types[3] = {CG_EDGE_SIMILAR, CG_EDGE_ALSO_SEE, CG_EDGE_OTHER};
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    uint64_t edges = rows * (1 + cg_stream_next_below(stream, 8));
    bool is_even = cg_stream_next_below(stream, 4) == 0;
    uint64_t frozen_at = cg_stream_next_below(stream, edges + 1);
    for (uint64_t i = 0; i < edges; i++) {
        uint64_t weight = is_even ? 255 : cg_stream_next_below(stream, 256);
        cg_edge edge = {.target = (uint32_t)cg_stream_next_below(stream, rows),
                        .type = types[cg_stream_next_below(stream, 3)],
                        .weight = (uint8_t)weight};
        (void)cg_graph_add_edge(graph, (uint32_t)cg_stream_next_below(stream, rows), edge,
                                NULL);
        if (i == frozen_at) {
            assert_ok(cg_graph_freeze(graph, &error), error);
        }
    }
    return graph;
}

static inline cg_graph *sample_synthetic(uint64_t seed, uint32_t rows) {
    cg_error error = {0};
    cg_synthetic_options options = cg_synthetic_options_default();
    options.nodes = rows;
    options.communities = rows / 50 > 0 ? rows / 50 : 1;
    options.weighted = true;
    options.seed = seed;
    cg_synthetic *synthetic = NULL;
    cg_graph *graph = NULL;
    assert_ok(cg_synthetic_alloc(&options, cg_allocator_heap(), &synthetic, &error), error);
    assert_ok(cg_synthetic_graph(synthetic, NULL, NULL, &graph, NULL, &error), error);
    cg_synthetic_free(synthetic);
    return graph;
}

static inline uint32_t sample_tier(void *context, uint32_t row) {
    (void)context;
    return row * 7 % CG_TIER_LEVELS_MAX;
}

static inline void sample_draw(cg_stream *stream, uint64_t number, spread_sample *s) {
    static const uint32_t host_counts[] = {1, 2, 3, 5, 16};
    cg_error error = {0};
    memset(s, 0, sizeof *s);
    s->hosts = host_counts[cg_stream_next_below(stream, 5)];
    bool is_synthetic = cg_stream_next_below(stream, 3) == 0;
    s->rows = is_synthetic ? 200 + (uint32_t)cg_stream_next_below(stream, SAMPLE_ROWS_MAX - 200)
                           : 2 + (uint32_t)cg_stream_next_below(stream, 60);
    s->graph = is_synthetic ? sample_synthetic(number, s->rows) : sample_graph(stream, s->rows);
    if (cg_stream_next_below(stream, 2)) {
        assert_ok(cg_partition_by_hash(s->graph, s->hosts, number, s->owners, &error), error);
    } else {
        for (uint32_t row = 0; row < s->rows; row++) {
            s->owners[row] = (uint32_t)cg_stream_next_below(stream, s->hosts);
        }
    }
    uint32_t seeds = 1 + (uint32_t)cg_stream_next_below(stream, SAMPLE_SEEDS_MAX);
    for (uint32_t i = 0; i < seeds; i++) {
        s->seeds[i].row = (uint32_t)cg_stream_next_below(stream, s->rows);
        s->seeds[i].activation = 1.0 - cg_stream_next_unit(stream);
    }
    s->query = cg_distributed_query_default();
    s->query.mode = (cg_distributed_mode)cg_stream_next_below(stream, 2);
    s->query.window_ns = cg_stream_next_below(stream, 2) ? 100000 : 0;
    cg_spread_query *query = &s->query.spread;
    query->seeds = s->seeds;
    query->seed_count = seeds;
    query->max_hops = 1 + (uint32_t)cg_stream_next_below(stream, 5);
    query->lambda = 2.0 * cg_stream_next_unit(stream);
    query->threshold =
        cg_stream_next_below(stream, 3) ? 0.3 * cg_stream_next_unit(stream) : 0.0;
    query->fan_out = cg_stream_next_below(stream, 2) == 0;
    query->hits_max = cg_stream_next_below(stream, 2) ? 32 : SAMPLE_ROWS_MAX;
    query->confidence_paths = (uint32_t)cg_stream_next_below(stream, 6);
    if (cg_stream_next_below(stream, 3) == 0) {
        s->tiers = cg_spread_tiers_default();
        s->tiers.where = sample_tier;
        for (uint32_t tier = 0; tier < CG_TIER_LEVELS_MAX; tier++) {
            s->tiers.thresholds[tier] = 0.2 * cg_stream_next_unit(stream);
            s->tiers.discounts[tier] = cg_stream_next_unit(stream);
        }
        query->tiers = &s->tiers;
    }
}

static inline void sample_open(cluster *c, const spread_sample *s) {
    for (uint32_t host = 0; host < c->hosts; host++) {
        cg_distributed_options options = cluster_options(c, host);
        options.graph = s->graph;
        options.owners = s->owners;
        options.hooks = s->query.spread.tiers;
        options.message_bytes_max = 1024;
        cluster_add(c, host, &options, cg_allocator_heap());
    }
}

static inline void sample_compare_hits(const cg_spread_result *single,
                                       const cluster_answer *answer) {
    assert_int_equal(answer->result.spread.hit_count, single->hit_count);
    for (uint32_t i = 0; i < single->hit_count; i++) {
        cg_spread_hit left = single->hits[i];
        cg_spread_hit right = answer->hits[i];
        left.record = 0;
        right.record = 0;
        assert_int_equal(left.row, right.row);
        assert_memory_equal(&left, &right, sizeof left);
    }
    assert_int_equal(answer->result.spread.reached, single->reached);
    assert_int_equal(answer->result.spread.records, single->records);
}

static inline void sample_compare_counts(const cg_spread_result *single,
                                         const cluster_answer *answer, uint32_t max_hops) {
    const cg_spread_result *all = &answer->result.spread;
    assert_int_equal(all->edges, single->edges);
    assert_int_equal(all->visits, single->visits);
    assert_int_equal(all->hops, single->hops);
    assert_int_equal(all->faded, single->faded);
    assert_memory_equal(all->tier_visits, single->tier_visits, sizeof all->tier_visits);
    assert_memory_equal(answer->by_hop, single->by_hop, max_hops * sizeof *answer->by_hop);
}

#endif
