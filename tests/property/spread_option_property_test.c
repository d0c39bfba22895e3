/* Goal: with every option (fan-out, thresholds and budgets by tier, refractory period, a limit of
 * edges) spreading agrees within 1e-6 with a dense reference in doubles; and the paths of small
 * graphs, and the confidence from them, are those that an exhaustive search finds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/spread/spread.h"
#include "tests/support/support.h"

enum {
    ROWS_MAX = 32,
    EDGES_MAX = 160,
    HOPS_MAX = 4,
    GRAPHS = 1500,
    SPREADS = 3,
    PATHS_MAX = 4096
};

typedef struct option_sample {
    uint32_t rows;
    uint32_t edge_count;
    uint32_t from[EDGES_MAX];
    cg_edge edges[EDGES_MAX];
    uint32_t degree[ROWS_MAX];
    cg_spread_seed seeds[4];
    cg_spread_tiers tiers;
    cg_spread_query query;
} option_sample;

typedef struct dense {
    double level[HOPS_MAX + 1][ROWS_MAX];
    double passed[HOPS_MAX + 1][ROWS_MAX]; /* by an edge of weight 1 */
    double answer[ROWS_MAX];
    double last_ns[ROWS_MAX]; /* of earlier spreads; below 0: never */
    uint64_t tier_visits[CG_TIER_LEVELS_MAX];
    uint64_t edges;
    uint64_t refractory;
    uint32_t hops;
    bool fired[ROWS_MAX];
    bool is_partial;
    bool knife_edge; /* two numbers lie too near to one another to say which is larger */
} dense;

static uint32_t tier_of(uint32_t row) {
    return row % 3;
}

static uint32_t where(void *context, uint32_t row) {
    (void)context;
    return tier_of(row);
}

static bool may_pass(const option_sample *input, dense *expected, uint32_t hop, uint32_t row) {
    double level = expected->level[hop][row];
    double threshold = input->tiers.thresholds[tier_of(row)];
    expected->knife_edge |= level > 0.0 && (fabs(level - threshold) < 1e-8 || level < 1e-8);
    if (level <= 0.0 || level < threshold) {
        return false;
    }
    double since = (double)input->query.now.physical_ns - expected->last_ns[row];
    bool is_tired = expected->fired[row] || (expected->last_ns[row] >= 0.0 &&
                                             since < (double)input->query.refractory_ns);
    if (input->query.refractory_ns > 0 && is_tired) {
        expected->refractory++;
        return false;
    }
    return true;
}

/* The visits of one tier: the best first, again and again. */
static void rank_densely(const option_sample *input, dense *expected, uint32_t hop,
                         uint32_t tier, bool *open, double *out) {
    double threshold = input->tiers.thresholds[tier];
    uint64_t budget = input->tiers.budgets[tier];
    for (;;) {
        uint32_t best = ROWS_MAX;
        for (uint32_t row = tier; row < input->rows; row += 3) {
            double level = expected->level[hop][row];
            if (open[row] && best < ROWS_MAX && budget > 0) {
                expected->knife_edge |= fabs(level - expected->level[hop][best]) < 1e-9;
            }
            if (open[row] && (best == ROWS_MAX || level > expected->level[hop][best])) {
                best = row;
            }
        }
        if (best == ROWS_MAX) {
            return;
        }
        open[best] = false;
        uint64_t visits = expected->tier_visits[tier];
        double level = expected->level[hop][best];
        if (budget > 0 && visits >= budget) {
            level *= pow(0.93, (double)(visits + 1 - budget));
            expected->knife_edge |= fabs(level - threshold) < 1e-8 || level < 1e-8;
            if (level < threshold) {
                return;
            }
        }
        expected->tier_visits[tier]++;
        out[best] = level;
    }
}

static bool hop_densely(const option_sample *input, dense *expected, uint32_t hop) {
    bool open[ROWS_MAX] = {false};
    double out[ROWS_MAX] = {0};
    uint64_t edges = 0;
    uint64_t visits[CG_TIER_LEVELS_MAX];
    memcpy(visits, expected->tier_visits, sizeof visits);
    for (uint32_t row = 0; row < input->rows; row++) {
        open[row] = may_pass(input, expected, hop, row);
    }
    for (uint32_t tier = 0; tier < 3; tier++) {
        rank_densely(input, expected, hop, tier, open, out);
    }
    bool any = false;
    for (uint32_t row = 0; row < input->rows; row++) {
        edges += out[row] > 0.0 ? input->degree[row] : 0;
        any |= out[row] > 0.0;
    }
    if (any && input->query.edges_max > 0 && expected->edges + edges > input->query.edges_max) {
        expected->is_partial = true;
        memcpy(expected->tier_visits, visits, sizeof visits);
        return false;
    }
    expected->edges += edges;
    for (uint32_t row = 0; row < input->rows; row++) {
        expected->fired[row] |= out[row] > 0.0;
        double share = input->query.fan_out && input->degree[row] ? input->degree[row] : 1;
        expected->passed[hop][row] = out[row] * exp(-input->query.lambda) / share;
    }
    for (uint32_t i = 0; i < input->edge_count; i++) {
        expected->level[hop + 1][input->edges[i].target] +=
            expected->passed[hop][input->from[i]] * (input->edges[i].weight + 1) / 256.0;
    }
    expected->hops += edges > 0;
    return edges > 0;
}

static void spread_densely(const option_sample *input, dense *expected) {
    double last_ns[ROWS_MAX];
    memcpy(last_ns, expected->last_ns, sizeof last_ns);
    memset(expected, 0, sizeof *expected);
    memcpy(expected->last_ns, last_ns, sizeof last_ns);
    for (uint32_t i = 0; i < input->query.seed_count; i++) {
        expected->level[0][input->seeds[i].row] += input->seeds[i].activation;
    }
    for (uint32_t hop = 0; hop < input->query.max_hops; hop++) {
        if (!hop_densely(input, expected, hop)) {
            break;
        }
    }
    for (uint32_t row = 0; row < input->rows; row++) {
        for (uint32_t hop = 0; hop <= input->query.max_hops; hop++) {
            expected->answer[row] += expected->level[hop][row];
        }
        expected->answer[row] = fmin(1.0, expected->answer[row]);
        if (input->query.refractory_ns > 0 && expected->fired[row]) {
            expected->last_ns[row] = (double)input->query.now.physical_ns;
        }
    }
}

static void draw_edges(cg_stream *stream, option_sample *input, uint32_t wanted, bool is_thin) {
    uint32_t in_degree[ROWS_MAX] = {0};
    for (uint32_t i = 0; i < wanted; i++) {
        uint32_t from = (uint32_t)cg_stream_next_below(stream, input->rows);
        cg_edge edge = {.target = (uint32_t)cg_stream_next_below(stream, input->rows),
                        .type = (uint16_t)(CG_EDGE_SIMILAR + cg_stream_next_below(stream, 2)),
                        .weight = (uint8_t)cg_stream_next_below(stream, 256)};
        bool is_fresh = from != edge.target && (!is_thin || in_degree[edge.target] < 3);
        for (uint32_t j = 0; j < input->edge_count; j++) {
            is_fresh =
                is_fresh && !(input->from[j] == from && input->edges[j].target == edge.target &&
                              (is_thin || input->edges[j].type == edge.type));
        }
        if (is_fresh) {
            in_degree[edge.target]++;
            input->degree[from]++;
            input->from[input->edge_count] = from;
            input->edges[input->edge_count++] = edge;
        }
    }
}

static void draw_seeds(cg_stream *stream, option_sample *input) {
    input->query.seed_count = 1 + (uint32_t)cg_stream_next_below(stream, 4);
    for (uint32_t i = 0; i < input->query.seed_count; i++) {
        input->seeds[i].row = (uint32_t)cg_stream_next_below(stream, input->rows);
        input->seeds[i].activation = 1.0 - cg_stream_next_unit(stream);
    }
}

static void draw_sample(cg_stream *stream, option_sample *input) {
    memset(input, 0, sizeof *input);
    input->rows = 2 + (uint32_t)cg_stream_next_below(stream, ROWS_MAX - 1);
    draw_edges(stream, input, (uint32_t)cg_stream_next_below(stream, EDGES_MAX + 1), false);
    input->tiers = cg_spread_tiers_default();
    input->tiers.where = where;
    for (uint32_t tier = 0; tier < 3; tier++) {
        input->tiers.thresholds[tier] =
            cg_stream_next_below(stream, 3) ? 0.1 * cg_stream_next_unit(stream) : 0.0;
        input->tiers.budgets[tier] = cg_stream_next_below(stream, 8);
    }
    input->query = cg_spread_query_default();
    input->query.seeds = input->seeds;
    input->query.max_hops = 1 + (uint32_t)cg_stream_next_below(stream, HOPS_MAX);
    input->query.lambda = cg_stream_next_unit(stream);
    input->query.fan_out = cg_stream_next_below(stream, 2) == 0;
    input->query.hits_max = ROWS_MAX;
    input->query.tiers = &input->tiers;
    input->query.refractory_ns = cg_stream_next_below(stream, 2) ? 150 : 0;
    input->query.edges_max =
        cg_stream_next_below(stream, 3) ? 0 : 1 + cg_stream_next_below(stream, 200);
}

static cg_graph *build(const option_sample *input, bool freeze) {
    cg_error error = {0};
    cg_graph *graph = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &graph, &error), error);
    for (uint32_t i = 0; i < input->rows; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(graph, i, 0, "c", &row, &error), error);
    }
    for (uint32_t i = 0; i < input->edge_count; i++) {
        assert_ok(cg_graph_add_edge(graph, input->from[i], input->edges[i], &error), error);
    }
    if (freeze) {
        assert_ok(cg_graph_freeze(graph, &error), error);
    }
    return graph;
}

static void compare(const option_sample *input, const dense *expected,
                    const cg_spread_result *result) {
    bool seen[ROWS_MAX] = {false};
    for (uint32_t i = 0; i < result->hit_count; i++) {
        const cg_spread_hit *hit = &result->hits[i];
        double activation = (double)hit->activation / (double)CG_SPREAD_ONE;
        assert_true(fabs(activation - expected->answer[hit->row]) < 1e-6);
        seen[hit->row] = true;
    }
    for (uint32_t row = 0; row < input->rows; row++) {
        assert_true(seen[row] || expected->answer[row] < 1e-6);
    }
    assert_int_equal(result->hops, expected->hops);
    assert_int_equal(result->edges, expected->edges);
    assert_int_equal(result->is_partial, expected->is_partial);
    assert_int_equal(result->refractory, expected->refractory);
    assert_memory_equal(result->tier_visits, expected->tier_visits, sizeof result->tier_visits);
}

static void test_against_dense_reference(void **state) {
    (void)state;
    uint64_t seed = support_seed(5);
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    static option_sample input;
    static dense expected;
    uint32_t compared = 0;
    uint64_t faded = 0;
    uint64_t refractory = 0;
    uint64_t partial = 0;
    for (uint64_t number = 0; number < GRAPHS; number++) {
        cg_stream stream = cg_stream_init(seed, "test.spread.options", number);
        draw_sample(&stream, &input);
        cg_graph *graph = build(&input, number % 2 == 0);
        cg_spread_recency *recency = NULL;
        assert_ok(cg_spread_recency_alloc(cg_allocator_heap(), &recency, &error), error);
        input.query.recency = recency;
        for (uint32_t row = 0; row < ROWS_MAX; row++) {
            expected.last_ns[row] = -1.0;
        }
        for (uint32_t turn = 0; turn < SPREADS; turn++) {
            draw_seeds(&stream, &input);
            input.query.now.physical_ns = 1000 + 100 * turn;
            spread_densely(&input, &expected);
            if (expected.knife_edge) {
                break;
            }
            cg_spread_result result = {0};
            assert_ok(cg_spread_run(graph, &input.query, scratch, &result, NULL, &error),
                      error);
            compare(&input, &expected, &result);
            faded += result.faded;
            refractory += result.refractory;
            partial += result.is_partial;
            compared++;
        }
        cg_spread_recency_free(recency);
        cg_graph_free(graph);
    }
    assert_true(compared > GRAPHS);
    assert_true(faded > 1000 && refractory > 1000 && partial > 100);
    cg_spread_scratch_free(scratch);
}

/* --- paths, by exhaustive search --- */

typedef struct walk {
    double strength;
    uint32_t rows[HOPS_MAX + 1];
    uint32_t hops;
    bool is_cyclic;
} walk;

typedef struct walks {
    walk found[PATHS_MAX];
    uint32_t count;
    walk at;
} walks;

/* Every walk from where `at` stands that ends at `to`. */
static void search(const option_sample *input, const dense *expected, uint32_t to, walks *all) {
    walk *at = &all->at;
    uint32_t row = at->rows[at->hops];
    if (row == to) {
        assert_true(all->count < PATHS_MAX);
        all->found[all->count] = *at;
        for (uint32_t i = 0; i <= at->hops; i++) {
            for (uint32_t j = 0; j < i; j++) {
                all->found[all->count].is_cyclic |= at->rows[i] == at->rows[j];
            }
        }
        all->count++;
    }
    double passed = expected->passed[at->hops][row];
    if (at->hops == input->query.max_hops || passed <= 0.0) {
        return;
    }
    for (uint32_t i = 0; i < input->edge_count; i++) {
        if (input->from[i] == row) {
            double strength = at->strength;
            at->strength *=
                passed * (input->edges[i].weight + 1) / 256.0 / expected->level[at->hops][row];
            at->rows[++at->hops] = input->edges[i].target;
            search(input, expected, to, all);
            at->hops--;
            at->strength = strength;
        }
    }
}

static int compare_walks(const void *left, const void *right) {
    double a = ((const walk *)left)->strength;
    double b = ((const walk *)right)->strength;
    return (a < b) - (a > b);
}

static void search_all(const option_sample *input, const dense *expected, uint32_t to,
                       walks *all) {
    all->count = 0;
    for (uint32_t row = 0; row < input->rows; row++) {
        if (expected->level[0][row] > 0.0) {
            all->at = (walk){.strength = expected->level[0][row], .rows = {row}};
            search(input, expected, to, all);
        }
    }
    qsort(all->found, all->count, sizeof *all->found, compare_walks);
}

static double confidence_of(const option_sample *input, const walks *all) {
    double doubt = 1.0;
    uint32_t used = 0;
    for (uint32_t i = 0; i < all->count && used < input->query.confidence_paths; i++) {
        const walk *path = &all->found[i];
        if (path->is_cyclic) {
            continue;
        }
        uint32_t slowest = 0;
        for (uint32_t step = 0; step < path->hops; step++) {
            uint32_t tier = tier_of(path->rows[step]);
            slowest = tier > slowest ? tier : slowest;
        }
        double s = path->strength * pow(input->query.hop_discount, path->hops);
        s *= path->hops > 0 ? input->tiers.discounts[slowest] : 1.0;
        doubt *= 1.0 - fmin(1.0, s);
        used++;
    }
    return 1.0 - doubt;
}

static void compare_paths(cg_spread_scratch *scratch, const walks *all, uint32_t row) {
    cg_error error = {0};
    static cg_spread_path paths[CG_SPREAD_PATHS_MAX];
    uint32_t count = 0;
    assert_ok(cg_spread_paths(scratch, row, paths, CG_SPREAD_PATHS_MAX, &count, &error), error);
    uint32_t wanted = all->count < CG_SPREAD_PATHS_MAX ? all->count : CG_SPREAD_PATHS_MAX;
    assert_int_equal(count, wanted);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(fabs(paths[i].strength - all->found[i].strength) < 1e-6);
        bool is_found = false; /* equals may come in another order */
        for (uint32_t j = 0; j < all->count && !is_found; j++) {
            const walk *other = &all->found[j];
            is_found =
                other->hops + 1 == paths[i].length && other->is_cyclic == paths[i].is_cyclic;
            for (uint32_t step = 0; is_found && step < paths[i].length; step++) {
                is_found = other->rows[step] == paths[i].steps[step].row;
            }
        }
        assert_true(is_found);
    }
}

static void test_paths(void **state) {
    (void)state;
    uint64_t seed = support_seed(6);
    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    static option_sample input;
    static dense expected;
    static walks all;
    uint32_t compared = 0;
    uint32_t cyclic = 0;
    for (uint64_t number = 0; number < GRAPHS; number++) {
        cg_stream stream = cg_stream_init(seed, "test.spread.paths", number);
        draw_sample(&stream, &input);
        memset(input.degree, 0, sizeof input.degree);
        input.edge_count = 0;
        input.rows = 2 + input.rows % 8;
        draw_edges(&stream, &input, 24, true); /* so that records keep all contributions */
        draw_seeds(&stream, &input);
        input.query.refractory_ns = 0;
        input.query.confidence_paths = 1 + (uint32_t)cg_stream_next_below(&stream, 4);
        spread_densely(&input, &expected);
        if (expected.knife_edge) {
            continue;
        }
        cg_graph *graph = build(&input, number % 2 == 0);
        cg_spread_result result = {0};
        assert_ok(cg_spread_run(graph, &input.query, scratch, &result, NULL, &error), error);
        for (uint32_t i = 0; i < result.hit_count; i++) {
            const cg_spread_hit *hit = &result.hits[i];
            search_all(&input, &expected, hit->row, &all);
            compare_paths(scratch, &all, hit->row);
            assert_true(fabs(hit->confidence - confidence_of(&input, &all)) < 1e-6);
            cyclic += hit->cycles > 0;
            compared++;
        }
        cg_graph_free(graph);
    }
    assert_true(compared > GRAPHS && cyclic > 100);
    cg_spread_scratch_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_dense_reference),
        cmocka_unit_test(test_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
