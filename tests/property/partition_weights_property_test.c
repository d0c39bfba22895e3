/* Goal: over random programs of facts, removals and new weights, a replica that applies the
 * primary's log has the primary's hash and weights at every sequence, and so has a partition
 * recovered from it; new weights take no slot, belong to no request and are no fact; a record that
 * names an edge that is not there changes nothing; and each allocation can fail. (E6)
 */
#include "tests/support/removal.h"

static plan drawn;
static cg_partition primary;
static cg_partition copy;

static bool is_before(const cg_edge *one, const cg_edge *other) {
    return one->type != other->type ? one->type < other->type : one->target < other->target;
}

/* Some edges of some concepts with new weights, ascending, at least one. */
static uint32_t draw_weights(cg_stream *stream, const cg_graph *graph, uint32_t max,
                             cg_log_weight *weights) {
    uint32_t count = 0;
    uint32_t rows = cg_graph_concept_count(graph);
    while (count == 0) {
        uint32_t row = (uint32_t)cg_stream_next_below(stream, rows);
        for (; row < rows && count < max;
             row += 1 + (uint32_t)cg_stream_next_below(stream, 20)) {
            cg_edge_cursor cursor = cg_graph_edges(graph, row);
            cg_edge edge = {0};
            uint32_t first = count;
            while (count < max && cg_graph_next_edge(&cursor, &edge)) {
                if (cg_stream_next_below(stream, 3) == 0) {
                    continue;
                }
                edge.weight = (uint8_t)cg_stream_next(stream);
                uint32_t place = count++;
                for (; place > first && is_before(&edge, &weights[place - 1].edge); place--) {
                    weights[place] = weights[place - 1];
                }
                weights[place] = (cg_log_weight){row, edge};
            }
        }
    }
    return count;
}

static cg_log_record record_of(const cg_partition *partition, const cg_log_weight *weights,
                               uint32_t count) {
    return (cg_log_record){.kind = CG_RECORD_WEIGHTS,
                           .sequence = cg_log_last(partition->log) + 1,
                           .clock = {plan_start_ns, 7},
                           .weights = weights,
                           .weight_count = count};
}

static uint8_t weight_in(const cg_graph *graph, const cg_log_weight *wanted) {
    cg_edge_cursor cursor = cg_graph_edges(graph, wanted->from);
    cg_edge edge = {0};
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (edge.type == wanted->edge.type && edge.target == wanted->edge.target) {
            return edge.weight;
        }
    }
    fail_msg("no edge of type %u from row %u to row %u", wanted->edge.type, wanted->from,
             wanted->edge.target);
    return 0;
}

static void weigh_next(void) {
    static cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    cg_error error = {0};
    uint32_t max = 1 + (uint32_t)cg_stream_next_below(&drawn.stream, CG_RECORD_WEIGHTS_MAX);
    uint32_t count = draw_weights(&drawn.stream, primary.graph, max, weights);
    cg_log_record record = record_of(&primary, weights, count);
    uint64_t edges = cg_graph_edge_count(primary.graph);
    uint64_t requests = cg_table_count(primary.sequence_of);
    uint64_t slots = cg_pools_statistics(primary.pools).slots_taken;
    uint32_t row = 0;
    assert_ok(apply_record(&primary, &record, &error), error);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(weight_in(primary.graph, &weights[i]), weights[i].edge.weight);
    }
    assert_int_equal(cg_log_last(primary.log), record.sequence);
    assert_true(cg_partition_slot(&primary, record.sequence) == CG_SLOT_NONE);
    assert_false(cg_partition_row_of(&primary, record.sequence, &row));
    assert_int_equal(cg_graph_edge_count(primary.graph), edges);
    assert_int_equal(cg_table_count(primary.sequence_of), requests);
    assert_int_equal(cg_pools_statistics(primary.pools).slots_taken, slots);
}

/* A third of the records each. */
static void run_step(void) {
    uint64_t what = cg_stream_next_below(&drawn.stream, 3);
    if (what == 0) {
        weigh_next();
    } else if (what == 1 || !remove_next(&drawn, &primary)) {
        add_next(&drawn, &primary);
    }
}

static void start(uint64_t seed, uint64_t round) {
    drawn.stream = cg_stream_init(seed, "test.partition_weights", round);
    drawn.count = 0;
    drawn.live = 0;
    drawn.requests = 0;
    make_partition(&primary, 3);
}

static void assert_same_edges(const cg_graph *one, const cg_graph *other) {
    for (uint32_t row = 0; row < cg_graph_concept_count(one); row++) {
        cg_edge_cursor here = cg_graph_edges(one, row);
        cg_edge_cursor there = cg_graph_edges(other, row);
        cg_edge edge = {0};
        cg_edge twin = {0};
        while (cg_graph_next_edge(&here, &edge)) {
            assert_true(cg_graph_next_edge(&there, &twin));
            assert_memory_equal(&edge, &twin, sizeof edge);
        }
        assert_false(cg_graph_next_edge(&there, &twin));
    }
}

static void test_replica_and_recovery(void **state) {
    (void)state;
    uint64_t seed = support_seed(81);
    for (uint32_t round = 0; round < 3; round++) {
        start(seed, round);
        uint64_t of_corpus = cg_graph_hash(corpus.graph);
        make_partition(&copy, 3);
        for (uint32_t step = 0; step < 250; step++) {
            uint64_t before = cg_partition_hash(&primary);
            run_step();
            assert_int_not_equal(cg_partition_hash(&primary), before);
            follow(&copy, &primary);
            assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
            assert_int_equal(cg_partition_live_facts(&primary), drawn.live);
        }
        assert_same_edges(primary.graph, copy.graph);
        cg_partition_deinit(&copy);
        make_partition(&copy, 3);
        follow(&copy, &primary);
        assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
        assert_same_edges(primary.graph, copy.graph);
        assert_int_equal(cg_graph_hash(corpus.graph), of_corpus);
        cg_partition_deinit(&copy);
        cg_partition_deinit(&primary);
    }
}

/* Goal: the weights are in the hash, not the log alone. */
static void test_hash(void **state) {
    (void)state;
    start(82, 0);
    make_partition(&copy, 3);
    add_next(&drawn, &primary);
    follow(&copy, &primary);
    cg_log_weight weight = {SUPPORT_CONCEPTS, {.type = CG_EDGE_HYPERNYM, .weight = 100}};
    weight.edge.target = drawn.facts[0].corpus_row;
    cg_error error = {0};
    cg_log_record record = record_of(&primary, &weight, 1);
    assert_ok(apply_record(&primary, &record, &error), error);
    weight.edge.weight = 101;
    assert_ok(apply_record(&copy, &record, &error), error);
    assert_int_not_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
    cg_partition_deinit(&copy);
    cg_partition_deinit(&primary);
}

static void refused(const cg_log_record *record, const char *says) {
    uint64_t hash = cg_partition_hash(&primary);
    uint64_t last = cg_log_last(primary.log);
    cg_error error = {0};
    assert_status(apply_record(&primary, record, &error), CG_ERROR_CORRUPT, error, says);
    assert_int_equal(cg_partition_hash(&primary), hash);
    assert_int_equal(cg_log_last(primary.log), last);
    assert_same_edges(primary.graph, copy.graph);
}

static void test_refused(void **state) {
    (void)state;
    uint64_t seed = support_seed(83);
    start(seed, 0);
    make_partition(&copy, 3);
    for (uint32_t step = 0; step < 60; step++) {
        run_step();
    }
    follow(&copy, &primary);
    static cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    for (uint32_t round = 0; round < 100; round++) {
        uint32_t count = 1 + draw_weights(&drawn.stream, primary.graph,
                                          CG_RECORD_WEIGHTS_MAX - 1, weights + 1);
        cg_log_record record = record_of(&primary, weights + 1, count - 1);
        record.sequence += round % 2 == 0 ? 1 : UINT64_MAX;
        refused(&record, "is next");
        record = record_of(&primary, weights + 1, count - 1);
        uint32_t at = 1 + (uint32_t)cg_stream_next_below(&drawn.stream, count - 1);
        cg_log_weight kept = weights[at];
        weights[at].edge.type = CG_EDGE_OTHER; /* of which the corpus has none */
        refused(&record, "that do not exist");
        weights[at] = kept;
        weights[at].edge.target = cg_graph_concept_count(primary.graph);
        refused(&record, "edges from concept row");
        weights[at] = kept;
        kept = weights[count - 1];
        weights[count - 1].from = cg_graph_concept_count(primary.graph);
        refused(&record, "edges from concept row");
        weights[count - 1] = kept;
    }
    planned_fact *removed = NULL;
    for (uint32_t i = 0; i < drawn.count; i++) {
        removed = drawn.facts[i].removed ? &drawn.facts[i] : removed;
    }
    assert_non_null(removed);
    weights[0] = (cg_log_weight){row_of_fact(&primary, removed), {.type = CG_EDGE_HYPERNYM}};
    weights[0].edge.target = removed->corpus_row;
    cg_log_record record = record_of(&primary, weights, 1);
    refused(&record, "that do not exist");
    cg_partition_deinit(&copy);
    cg_partition_deinit(&primary);
}

/* Goal: whichever allocation fails, the status says so, and all memory is given back. */
static void test_memory(void **state) {
    (void)state;
    start(84, 0);
    for (uint32_t step = 0; step < 30; step++) {
        run_step();
    }
    static cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    uint32_t count = draw_weights(&drawn.stream, primary.graph, CG_RECORD_WEIGHTS_MAX, weights);
    bool is_done = false;
    for (uint64_t n = 1; !is_done; n++) {
        cg_counting_allocator counting;
        cg_counting_allocator_init(&counting, cg_allocator_heap());
        make_partition_from(&copy, 3, cg_counting_allocator_view(&counting));
        follow(&copy, &primary);
        cg_error error = {0};
        cg_status status = CG_OK;
        counting.fail_at = n;
        for (uint32_t i = 0; i < 100 && status == CG_OK; i++) { /* until arrays are full */
            cg_log_record record = record_of(&copy, weights, 1 + i % count);
            status = apply_record(&copy, &record, &error);
        }
        is_done = status == CG_OK;
        assert_true(is_done || status == CG_ERROR_MEMORY);
        assert_true(is_done || error.message[0] != '\0');
        assert_true(!is_done || n > 3);
        counting.fail_at = 0;
        cg_partition_deinit(&copy);
        assert_int_equal(counting.live_bytes, 0);
    }
    cg_partition_deinit(&primary);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replica_and_recovery),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, corpus_set_up, corpus_tear_down);
}
