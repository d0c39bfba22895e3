/* Goal: on random small worlds the filtered decision with filters that keep all equals the
 * exhaustive one in everything, the winner is the naive argmax of votes taken one by one, and
 * no split of the concepts over indexes and bases changes a decision. (Spec A6, A7.) */
#include "tests/support/support.h"

#include <string.h>

#include "engine/base/math.h"
#include "engine/cascade/cascade.h"
#include "engine/vector/vector.h"

static cg_error error;

enum { DIMS = 32, MOST = 200, WORDS = 8, VOCABULARY = 60 };

typedef struct text {
    float dense[DIMS];
    uint32_t words[WORDS];
    float weights[WORDS];
    uint32_t count;
} text;

typedef struct world {
    uint32_t count;
    text texts[MOST];
    cg_graph *graph;
    cg_features *base;
    cg_features *features;
    cg_index *indexes[2];
    cg_cascade_scratch *scratch;
    cg_recent recent;
    cg_column_weights weights;
    cg_knowledge knowledge;
} world;

static void draw_text(cg_stream *stream, text *out) {
    memset(out, 0, sizeof *out);
    for (uint32_t d = 0; d < DIMS; d++) {
        /* Few values, so that ties are common. */
        out->dense[d] = (float)((int)cg_stream_next_below(stream, 5) - 2);
    }
    out->dense[0] += 0.5f;
    assert_true(cg_vector_normalise(out->dense, DIMS));
    uint32_t word = 0;
    double square = 0.0;
    uint32_t wanted = (uint32_t)cg_stream_next_below(stream, WORDS + 1);
    while (out->count < wanted && word < VOCABULARY) {
        word += 1 + (uint32_t)cg_stream_next_below(stream, 9);
        double weight = 1.0 + (double)cg_stream_next_below(stream, 3);
        square += weight * weight;
        out->words[out->count] = word;
        out->weights[out->count++] = (float)weight;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        out->weights[i] = (float)((double)out->weights[i] / cg_sqrt(square));
    }
}

static void draw_edges(cg_stream *stream, world *made) {
    for (uint32_t i = 1; i < made->count; i++) {
        uint32_t parents = (uint32_t)cg_stream_next_below(stream, 3);
        for (uint32_t p = 0; p < parents; p++) {
            uint32_t parent = (uint32_t)cg_stream_next_below(stream, i);
            cg_edge up = {.target = parent, .type = CG_EDGE_HYPERNYM, .weight = 255};
            cg_edge down = {.target = i, .type = CG_EDGE_HYPONYM, .weight = 255};
            if (cg_graph_add_edge(made->graph, i, up, NULL) == CG_OK) {
                assert_ok(cg_graph_add_edge(made->graph, parent, down, &error), error);
            }
        }
        if (cg_stream_next_below(stream, 10) == 0) {
            cg_edge against = {.target = (uint32_t)cg_stream_next_below(stream, i),
                               .type = CG_EDGE_ANTONYM,
                               .weight = 100};
            (void)cg_graph_add_edge(made->graph, i, against, NULL);
        }
    }
}

/* Rows below `split` are in a base of features and in the first index, the others in the
 * second. */
static void build(world *made, cg_stream *stream, uint32_t count, uint32_t split) {
    cg_allocator heap = cg_allocator_heap();
    memset(made, 0, sizeof *made);
    made->count = count;
    cg_ttfs_options encoding = cg_ttfs_options_default();
    assert_ok(cg_graph_alloc(NULL, heap, &made->graph, &error), error);
    assert_ok(cg_features_alloc(DIMS, &encoding, NULL, heap, &made->base, &error), error);
    made->features = made->base;
    cg_index_options options = cg_index_options_default(CG_INDEX_FLAT, DIMS);
    assert_ok(cg_index_alloc(&options, heap, &made->indexes[0], &error), error);
    assert_ok(cg_index_alloc(&options, heap, &made->indexes[1], &error), error);
    cg_runner runner = cg_runner_serial();
    for (uint32_t i = 0; i < count; i++) {
        if (i == split) {
            assert_ok(
                cg_features_alloc(DIMS, &encoding, made->base, heap, &made->features, &error),
                error);
        }
        text *drawn = &made->texts[i];
        draw_text(stream, drawn);
        uint32_t row;
        assert_ok(cg_graph_add_concept(made->graph, i + 1,
                                       (uint32_t)cg_stream_next_below(stream, 4), "c", &row,
                                       &error),
                  error);
        assert_ok(cg_features_append(made->features, drawn->dense,
                                     (cg_sparse){drawn->words, drawn->weights, drawn->count},
                                     &row, NULL, &error),
                  error);
        assert_int_equal(row, i);
        cg_index_rows rows = {.vectors = drawn->dense, .count = 1};
        assert_ok(cg_index_add(made->indexes[i >= split], &rows, &runner, NULL, &error), error);
    }
    draw_edges(stream, made);
    assert_ok(cg_cascade_scratch_alloc(heap, &made->scratch, &error), error);
    for (uint32_t i = 0; i < 5; i++) {
        cg_recent_note(&made->recent, (uint32_t)cg_stream_next_below(stream, count),
                       i * 100000000);
    }
    made->weights = cg_column_weights_default();
    made->knowledge = (cg_knowledge){
        .graph = made->graph,
        .features = made->features,
        .indexes = {made->indexes[0], made->indexes[1]},
        .index_first_row = {0, split < count ? split : 0},
        .index_count = 2,
        .recent = &made->recent,
        .weights = &made->weights,
    };
}

static void destroy(world *made) {
    cg_cascade_scratch_free(made->scratch);
    cg_index_free(made->indexes[0]);
    cg_index_free(made->indexes[1]);
    if (made->features != made->base) {
        cg_features_free(made->features);
    }
    cg_features_free(made->base);
    cg_graph_free(made->graph);
}

static cg_cascade_options keeping_all(cg_strategy strategy) {
    cg_cascade_options options = cg_cascade_options_default();
    options.strategy = strategy;
    options.neighbours = CG_NEIGHBOURS_MAX;
    options.semantic.share = 1.0;
    options.structural.share = 1.0;
    return options;
}

static void assert_same_decision(const cg_decision *left, const cg_decision *right) {
    assert_int_equal(left->winner, right->winner);
    assert_int_equal(left->alternative_count, right->alternative_count);
    assert_memory_equal(left->alternatives, right->alternatives,
                        left->alternative_count * sizeof *left->alternatives);
    assert_int_equal(left->path_length, right->path_length);
    assert_int_equal(left->pathway_id, right->pathway_id);
    assert_memory_equal(left->votes, right->votes, sizeof left->votes);
    assert_memory_equal(left->column_spike_ticks, right->column_spike_ticks,
                        sizeof left->column_spike_ticks);
    assert_int_equal(left->winner_spike_ticks, right->winner_spike_ticks);
    assert_int_equal(left->winning_column, right->winning_column);
    assert_true(left->confidence == right->confidence && left->margin == right->margin);
    assert_memory_equal(left->stage_out, right->stage_out, sizeof left->stage_out);
}

static world first;
static world second;

static void filters_that_keep_all_decide_exhaustively(void **state) {
    (void)state;
    uint64_t seed = support_seed(21);
    for (uint64_t round = 0; round < 40; round++) {
        cg_stream stream = cg_stream_init(seed, "test.cascade", round);
        cg_stream again = stream;
        uint32_t count = 1 + (uint32_t)cg_stream_next_below(&stream, MOST);
        (void)cg_stream_next_below(&again, MOST);
        build(&first, &stream, count, count);
        build(&second, &again, count, (uint32_t)(round * 7) % (count + 1));
        for (int asked = 0; asked < 10; asked++) {
            text fact;
            draw_text(&stream, &fact);
            cg_fact_view view = {
                .dense = fact.dense,
                .sparse = {fact.words, fact.weights, fact.count},
                .type = asked % 3 == 0 ? (uint32_t)asked % 4 : CG_TYPE_UNKNOWN,
                .now_ns = 500000000,
            };
            cg_decision direct;
            cg_decision filtered;
            cg_decision split;
            cg_cascade_options options = keeping_all(CG_STRATEGY_DIRECT);
            assert_ok(cg_cascade_decide(&options, &first.knowledge, &view, first.scratch,
                                        &direct, NULL, &error),
                      error);
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            assert_ok(cg_cascade_decide(&options, &first.knowledge, &view, first.scratch,
                                        &filtered, NULL, &error),
                      error);
            assert_same_decision(&direct, &filtered);
            assert_ok(cg_cascade_decide(&options, &second.knowledge, &view, second.scratch,
                                        &split, NULL, &error),
                      error);
            assert_same_decision(&direct, &split);
        }
        destroy(&first);
        destroy(&second);
    }
}

/* The winner from the columns' own interface: nearest neighbours by a full sort, votes one by
 * one. */
static uint32_t naive_winner(const world *made, const cg_fact_view *fact, uint32_t neighbours,
                             cg_column_scratch *scratch) {
    int32_t spikes[DIMS];
    (void)cg_ttfs_encode(cg_features_encoding(made->features), fact->dense, DIMS, spikes, NULL);
    cg_neighbour near[MOST];
    cg_column_view view = {
        .graph = made->graph,
        .features = made->features,
        .fact = {.dense = fact->dense, .spikes = spikes, .sparse = fact->sparse},
        .fact_type = fact->type,
        .recent = &made->recent,
        .now_ns = fact->now_ns,
    };
    for (uint32_t row = 0; row < made->count; row++) {
        cg_neighbour next = {.row = row,
                             .similarity = (float)cg_column_similarity(&view, row, NULL)};
        uint32_t at = row;
        while (at > 0 && near[at - 1].similarity < next.similarity) {
            near[at] = near[at - 1];
            at--;
        }
        near[at] = next;
    }
    view.neighbours = near;
    view.neighbour_count = made->count < neighbours ? made->count : neighbours;
    cg_column_prepare(&view, scratch, NULL);
    uint32_t best = 0;
    double largest = -1.0;
    for (uint32_t row = 0; row < made->count; row++) {
        float votes[CG_COLUMN_COUNT];
        for (int column = 0; column < CG_COLUMN_COUNT; column++) {
            cg_column_vote((cg_column_id)column, &view, scratch, &row, 1, &votes[column], NULL);
        }
        double combined = cg_column_combine(&made->weights, 0xf, votes);
        if (combined > largest) {
            largest = combined;
            best = row;
        }
    }
    return best;
}

static void winner_is_the_naive_argmax(void **state) {
    (void)state;
    uint64_t seed = support_seed(22);
    cg_column_scratch *scratch;
    assert_ok(cg_column_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    for (uint64_t round = 0; round < 30; round++) {
        cg_stream stream = cg_stream_init(seed, "test.argmax", round);
        uint32_t count = 1 + (uint32_t)cg_stream_next_below(&stream, MOST);
        build(&first, &stream, count, count);
        for (int asked = 0; asked < 5; asked++) {
            text fact;
            draw_text(&stream, &fact);
            cg_fact_view view = {
                .dense = fact.dense,
                .sparse = {fact.words, fact.weights, fact.count},
                .type = CG_TYPE_UNKNOWN,
                .now_ns = 700000000,
            };
            cg_cascade_options options = cg_cascade_options_default();
            options.strategy = CG_STRATEGY_DIRECT;
            options.neighbours = 1 + (uint32_t)cg_stream_next_below(&stream, 60);
            cg_decision decision;
            assert_ok(cg_cascade_decide(&options, &first.knowledge, &view, first.scratch,
                                        &decision, NULL, &error),
                      error);
            assert_int_equal(decision.winner,
                             naive_winner(&first, &view, options.neighbours, scratch));
            /* Filters may lose the winner, never a stage's bounds or the order of what is left.
             */
            options.strategy = CG_STRATEGY_HIERARCHICAL;
            assert_ok(cg_cascade_decide(&options, &first.knowledge, &view, first.scratch,
                                        &decision, NULL, &error),
                      error);
            assert_int_equal(decision.winner, decision.alternatives[0]);
            for (int stage = 1; stage < CG_STAGE_COUNT; stage++) {
                assert_int_equal(decision.stage_in[stage], decision.stage_out[stage - 1]);
                assert_true(decision.stage_out[stage] <= decision.stage_in[stage]);
            }
            for (uint32_t i = 0; i < decision.alternative_count; i++) {
                for (uint32_t j = 0; j < i; j++) {
                    assert_true(decision.alternatives[i] != decision.alternatives[j]);
                }
            }
        }
        destroy(&first);
    }
    cg_column_scratch_free(scratch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_that_keep_all_decide_exhaustively),
        cmocka_unit_test(winner_is_the_naive_argmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
