/* Goal: on small random graphs spreading agrees within 1e-6 with a dense reference in doubles,
 * its predecessors are those of a strongest contribution, and neither the order of edges and
 * seeds, nor freezing the graph, nor a bound on the answers changes a bit.
 */
#include <math.h>
#include <string.h>

#include "engine/spread/spread.h"
#include "tests/support/support.h"

enum { ROWS_MAX = 40, EDGES_MAX = 240, SEEDS_MAX = 6, HOPS_MAX = 6, GRAPHS = 1500 };

typedef struct sample_edge {
    uint32_t from;
    cg_edge edge;
} sample_edge;

typedef struct sample {
    uint32_t rows;
    sample_edge edges[EDGES_MAX];
    uint32_t edge_count;
    cg_spread_seed seeds[SEEDS_MAX];
    cg_spread_query query;
} sample;

typedef struct reference {
    double answer[ROWS_MAX];
    double strongest[ROWS_MAX];
    double contribution[HOPS_MAX + 1][ROWS_MAX]
                       [ROWS_MAX]; /* largest from, to; seeds at hop 0 */
    bool knife_edge;               /* a level lies too near to the threshold to compare */
} reference;

static void add_contribution(reference *expected, uint32_t hop, uint32_t from, uint32_t to,
                             double amount) {
    expected->contribution[hop][from][to] = fmax(expected->contribution[hop][from][to], amount);
    expected->strongest[to] = fmax(expected->strongest[to], amount);
}

static void spread_densely(const sample *input, reference *expected) {
    memset(expected, 0, sizeof *expected);
    double level[ROWS_MAX] = {0};
    double total[ROWS_MAX] = {0};
    uint32_t degree[ROWS_MAX] = {0};
    for (uint32_t i = 0; i < input->edge_count; i++) {
        degree[input->edges[i].from]++;
    }
    for (uint32_t i = 0; i < input->query.seed_count; i++) {
        level[input->seeds[i].row] += input->seeds[i].activation;
        add_contribution(expected, 0, input->seeds[i].row, input->seeds[i].row,
                         input->seeds[i].activation);
    }
    double decay = exp(-input->query.lambda);
    for (uint32_t hop = 0; hop <= input->query.max_hops; hop++) {
        double next[ROWS_MAX] = {0};
        for (uint32_t row = 0; row < input->rows; row++) {
            total[row] += level[row];
            expected->knife_edge |= fabs(level[row] - input->query.threshold) < 1e-8 &&
                                    input->query.threshold > 0.0;
        }
        for (uint32_t i = 0; hop < input->query.max_hops && i < input->edge_count; i++) {
            uint32_t from = input->edges[i].from;
            cg_edge edge = input->edges[i].edge;
            if (level[from] > 0.0 && level[from] >= input->query.threshold) {
                double amount = level[from] * decay * (edge.weight + 1) / 256.0;
                amount /= input->query.fan_out ? degree[from] : 1;
                next[edge.target] += amount;
                add_contribution(expected, hop + 1, from, edge.target, amount);
            }
        }
        memcpy(level, next, sizeof level);
    }
    for (uint32_t row = 0; row < input->rows; row++) {
        expected->answer[row] = fmin(1.0, total[row]);
    }
}

static void draw_sample(cg_stream *stream, sample *input) {
    static const uint8_t types[4] = {CG_EDGE_SIMILAR, CG_EDGE_ALSO_SEE, CG_EDGE_DERIVATION,
                                     CG_EDGE_OTHER};
    memset(input, 0, sizeof *input);
    input->rows = 2 + (uint32_t)cg_stream_next_below(stream, ROWS_MAX - 1);
    uint32_t wanted = (uint32_t)cg_stream_next_below(stream, EDGES_MAX + 1);
    for (uint32_t i = 0; i < wanted; i++) {
        sample_edge drawn = {
            .from = (uint32_t)cg_stream_next_below(stream, input->rows),
            .edge = {.target = (uint32_t)cg_stream_next_below(stream, input->rows),
                     .type = types[cg_stream_next_below(stream, 4)],
                     .weight = (uint8_t)cg_stream_next_below(stream, 256)},
        };
        bool fresh = drawn.from != drawn.edge.target;
        for (uint32_t j = 0; j < input->edge_count; j++) {
            const sample_edge *old = &input->edges[j];
            fresh = fresh && !(old->from == drawn.from && old->edge.type == drawn.edge.type &&
                               old->edge.target == drawn.edge.target);
        }
        if (fresh) {
            input->edges[input->edge_count++] = drawn;
        }
    }
    uint32_t seeds = 1 + (uint32_t)cg_stream_next_below(stream, SEEDS_MAX);
    for (uint32_t i = 0; i < seeds; i++) {
        input->seeds[i].row = (uint32_t)cg_stream_next_below(stream, input->rows);
        input->seeds[i].activation = 1.0 - cg_stream_next_unit(stream);
    }
    input->query = (cg_spread_query){
        .seeds = input->seeds,
        .seed_count = seeds,
        .max_hops = 1 + (uint32_t)cg_stream_next_below(stream, HOPS_MAX),
        .lambda = 3.0 * cg_stream_next_unit(stream),
        .threshold = cg_stream_next_below(stream, 2) ? 0.0 : 0.2 * cg_stream_next_unit(stream),
        .fan_out = cg_stream_next_below(stream, 2) == 0,
        .hits_max = ROWS_MAX,
    };
}

static cg_graph *build(const sample *input, bool freeze) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < input->rows; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    for (uint32_t i = 0; i < input->edge_count; i++) {
        assert_ok(cg_graph_add_edge(graph, input->edges[i].from, input->edges[i].edge, &error),
                  error);
    }
    if (freeze) {
        assert_ok(cg_graph_freeze(graph, &error), error);
    }
    return graph;
}

static cg_spread_result run(const cg_graph *graph, const sample *input,
                            cg_spread_scratch *scratch) {
    cg_error error = {0};
    cg_spread_result result = {0};
    assert_ok(cg_spread_run(graph, &input->query, scratch, &result, NULL, &error), error);
    return result;
}

static void compare(const sample *input, const reference *expected,
                    const cg_spread_result *result) {
    bool seen[ROWS_MAX] = {false};
    for (uint32_t i = 0; i < result->hit_count; i++) {
        const cg_spread_hit *hit = &result->hits[i];
        assert_true(hit->row < input->rows && !seen[hit->row]);
        seen[hit->row] = true;
        double activation = (double)hit->activation / (double)CG_SPREAD_ONE;
        assert_true(fabs(activation - expected->answer[hit->row]) < 1e-6);
        /* The predecessor's contribution is, within rounding, the largest there is. */
        assert_true(hit->hop <= input->query.max_hops && hit->predecessor < input->rows);
        double named = expected->contribution[hit->hop][hit->predecessor][hit->row];
        double best = expected->strongest[hit->row];
        assert_true(fabs(named - best) <= 1e-6 * fmax(1.0, best));
        assert_true(hit->first_hop <= hit->hop);
        if (i > 0) {
            const cg_spread_hit *last = &result->hits[i - 1];
            assert_true(last->activation > hit->activation ||
                        (last->activation == hit->activation && last->row < hit->row));
        }
    }
    for (uint32_t row = 0; row < input->rows; row++) {
        assert_true(seen[row] || expected->answer[row] < 1e-6);
    }
}

static void test_against_dense_reference(void **state) {
    (void)state;
    uint64_t seed = support_seed(99);
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    static sample input;
    static reference expected;
    uint32_t compared = 0;
    for (uint64_t graph_number = 0; graph_number < GRAPHS; graph_number++) {
        cg_stream stream = cg_stream_init(seed, "test.spread", graph_number);
        draw_sample(&stream, &input);
        spread_densely(&input, &expected);
        if (expected.knife_edge) {
            continue;
        }
        cg_graph *graph = build(&input, graph_number % 2 == 0);
        cg_spread_result result = run(graph, &input, scratch);
        compare(&input, &expected, &result);
        cg_graph_free(graph);
        compared++;
    }
    assert_true(compared > GRAPHS * 9 / 10);
    cg_spread_scratch_free(scratch);
}

static void shuffle(cg_stream *stream, sample *input) {
    for (uint32_t i = input->edge_count; i > 1; i--) {
        uint64_t j = cg_stream_next_below(stream, i);
        sample_edge edge = input->edges[i - 1];
        input->edges[i - 1] = input->edges[j];
        input->edges[j] = edge;
    }
    for (uint32_t i = input->query.seed_count; i > 1; i--) {
        uint64_t j = cg_stream_next_below(stream, i);
        cg_spread_seed drawn = input->seeds[i - 1];
        input->seeds[i - 1] = input->seeds[j];
        input->seeds[j] = drawn;
    }
}

static void test_order_changes_nothing(void **state) {
    (void)state;
    uint64_t seed = support_seed(100);
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    static sample input;
    static cg_spread_hit hits[ROWS_MAX];
    for (uint64_t graph_number = 0; graph_number < GRAPHS / 3; graph_number++) {
        cg_stream stream = cg_stream_init(seed, "test.spread.order", graph_number);
        draw_sample(&stream, &input);
        cg_graph *graph = build(&input, false);
        cg_spread_result first = run(graph, &input, scratch);
        memcpy(hits, first.hits, first.hit_count * sizeof *hits);
        cg_graph_free(graph);

        shuffle(&stream, &input);
        graph = build(&input, cg_stream_next_below(&stream, 2) == 0);
        cg_spread_result second = run(graph, &input, scratch);
        assert_int_equal(second.hit_count, first.hit_count);
        assert_int_equal(second.hops, first.hops);
        assert_memory_equal(second.hits, hits, first.hit_count * sizeof *hits);

        input.query.hits_max = 1 + (uint32_t)cg_stream_next_below(&stream, ROWS_MAX);
        cg_spread_result bounded = run(graph, &input, scratch);
        assert_int_equal(bounded.reached, first.reached);
        assert_int_equal(bounded.hit_count, first.hit_count < input.query.hits_max
                                                ? first.hit_count
                                                : input.query.hits_max);
        assert_memory_equal(bounded.hits, hits, bounded.hit_count * sizeof *hits);
        cg_graph_free(graph);
    }
    cg_spread_scratch_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_dense_reference),
        cmocka_unit_test(test_order_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
