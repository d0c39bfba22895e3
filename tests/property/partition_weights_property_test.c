/* Goal: over random programs of facts, removals and new weights, a replica that applies the
 * primary's log has the primary's hash and weights at every sequence, and so has a partition
 * recovered from it; new weights take no slot, belong to no request and are no fact; a record that
 * names an edge that is not there changes no other; and each allocation can fail. (E6)
 */
#include "tests/support/removal.h"

static plan drawn;
static cg_partition primary;
static cg_partition copy;

/* As records have to have them. */
static bool is_before(const cg_log_weight *one, const cg_log_weight *other) {
    return one->from != other->from   ? one->from < other->from
           : one->type != other->type ? one->type < other->type
                                      : one->to < other->to;
}

static void sort_in(cg_log_weight *weights, uint32_t count, cg_log_weight added) {
    uint32_t place = count;
    for (; place > 0 && is_before(&added, &weights[place - 1]); place--) {
        weights[place] = weights[place - 1];
    }
    weights[place] = added;
}

/* Some edges of some concepts with new weights, ascending, at least one. */
static uint32_t draw_weights(cg_stream *stream, const cg_partition *partition, uint32_t max,
                             cg_log_weight *weights) {
    const cg_graph *graph = partition->graph;
    uint32_t count = 0;
    uint32_t rows = cg_graph_concept_count(graph);
    while (count == 0) {
        uint32_t row = (uint32_t)cg_stream_next_below(stream, rows);
        for (; row < rows && count < max;
             row += 1 + (uint32_t)cg_stream_next_below(stream, 20)) {
            cg_edge_cursor cursor = cg_graph_edges(graph, row);
            cg_edge edge = {0};
            while (count < max && cg_graph_next_edge(&cursor, &edge)) {
                if (cg_stream_next_below(stream, 3) == 0) {
                    continue;
                }
                sort_in(weights, count++,
                        (cg_log_weight){.from = cg_partition_concept_of(partition, row),
                                        .to = cg_partition_concept_of(partition, edge.target),
                                        .type = edge.type,
                                        .weight = (uint8_t)cg_stream_next(stream)});
            }
        }
    }
    return count;
}

static cg_log_record record_of(const cg_partition *partition, const cg_log_weight *weights,
                               uint32_t count) {
    return (cg_log_record){.kind = CG_RECORD_WEIGHTS,
                           .id = next_id(partition),
                           .clock = {plan_start_ns, 7},
                           .weights = weights,
                           .weight_count = count};
}

static uint8_t weight_in(const cg_partition *partition, const cg_log_weight *wanted) {
    uint32_t from = 0;
    uint32_t to = 0;
    assert_true(cg_partition_find(partition, wanted->from, &from));
    assert_true(cg_partition_find(partition, wanted->to, &to));
    cg_edge_cursor cursor = cg_graph_edges(partition->graph, from);
    cg_edge edge = {0};
    while (cg_graph_next_edge(&cursor, &edge)) {
        if (edge.type == wanted->type && edge.target == to) {
            return edge.weight;
        }
    }
    fail_msg("no edge of type %u from row %u to row %u", wanted->type, from, to);
    return 0;
}

static void weigh_next(void) {
    static cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    cg_error error = {0};
    uint32_t max = 1 + (uint32_t)cg_stream_next_below(&drawn.stream, CG_RECORD_WEIGHTS_MAX);
    uint32_t count = draw_weights(&drawn.stream, &primary, max, weights);
    cg_log_record record = record_of(&primary, weights, count);
    uint64_t edges = cg_graph_edge_count(primary.graph);
    uint64_t requests = cg_table_count(primary.sequence_of);
    uint64_t slots = cg_pools_statistics(primary.pools).slots_taken;
    uint32_t row = 0;
    const uint64_t sequence = cg_log_last(primary.log) + 1;
    assert_ok(apply_record(&primary, &record, &error), error);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(weight_in(&primary, &weights[i]), weights[i].weight);
    }
    assert_int_equal(cg_log_last(primary.log), sequence);
    assert_true(cg_partition_slot(&primary, sequence) == CG_SLOT_NONE);
    assert_false(cg_partition_row_of(&primary, sequence, &row));
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
    cg_log_weight weight = {.from = cg_fact_id(drawn.facts[0].request_id),
                            .to = drawn.facts[0].corpus_row,
                            .type = CG_EDGE_HYPERNYM,
                            .weight = 100};
    cg_error error = {0};
    cg_log_record record = record_of(&primary, &weight, 1);
    assert_ok(apply_record(&primary, &record, &error), error);
    weight.weight = 101;
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

/* The record is logged, and nothing else changes. */
static void does_nothing(const cg_log_record *record) {
    uint64_t last = cg_log_last(primary.log);
    uint64_t graph = cg_graph_hash(primary.graph);
    cg_error error = {0};
    assert_ok(apply_record(&primary, record, &error), error);
    assert_int_equal(cg_log_last(primary.log), last + 1);
    assert_true(cg_graph_hash(primary.graph) == graph);
    assert_same_edges(primary.graph, copy.graph);
    follow(&copy, &primary);
    assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
}

/* Weights of edges that are not there, among others that are: those are weighed all the same. */
static void weigh_among(cg_log_weight *weights, uint32_t count, cg_log_weight missing) {
    sort_in(weights, count, missing);
    cg_log_record record = record_of(&primary, weights, count + 1);
    cg_error error = {0};
    assert_ok(apply_record(&primary, &record, &error), error);
    for (uint32_t i = 0; i <= count; i++) {
        bool is_missing = weights[i].from == missing.from && weights[i].to == missing.to &&
                          weights[i].type == missing.type;
        assert_true(is_missing || weight_in(&primary, &weights[i]) == weights[i].weight);
    }
    follow(&copy, &primary);
    assert_int_equal(cg_partition_hash(&primary), cg_partition_hash(&copy));
    assert_same_edges(primary.graph, copy.graph);
}

/* Goal: a record that does not come after the last one is refused; one that names edges that are not
 * there, as a union's may, changes no others. */
static void test_out_of_place(void **state) {
    (void)state;
    uint64_t seed = support_seed(83);
    start(seed, 0);
    make_partition(&copy, 3);
    for (uint32_t step = 0; step < 60; step++) {
        run_step();
    }
    follow(&copy, &primary);
    planned_fact *removed = NULL;
    for (uint32_t i = 0; i < drawn.count; i++) {
        removed = drawn.facts[i].removed ? &drawn.facts[i] : removed;
    }
    assert_non_null(removed);
    static cg_log_weight weights[CG_RECORD_WEIGHTS_MAX];
    const cg_log_weight missing[] = {
        {.from = 17, .to = 4, .type = CG_EDGE_OTHER, .weight = 9}, /* the corpus has none */
        {.from = 17, .to = SUPPORT_CONCEPTS, .type = CG_EDGE_HYPERNYM}, /* no concept's name */
        {.from = SUPPORT_CONCEPTS + 3, .to = 4, .type = CG_EDGE_HYPERNYM},
        {.from = cg_fact_id(1 << 30), .to = 4, .type = CG_EDGE_HYPERNYM},
        {.from = cg_fact_id(removed->request_id),
         .to = removed->corpus_row,
         .type = CG_EDGE_HYPERNYM},
    };
    for (uint32_t round = 0; round < 50; round++) {
        const cg_log_weight *lost = &missing[round % 5];
        cg_log_record record = record_of(&primary, lost, 1);
        record.id.number -= 1 + round % 2;
        refused(&record, "cannot follow");
        record.id = (cg_log_id){.epoch = 0, .number = UINT64_MAX, .replica = UINT32_MAX};
        refused(&record, "cannot follow");
        record = record_of(&primary, lost, 1);
        does_nothing(&record);
        uint32_t count =
            draw_weights(&drawn.stream, &primary, CG_RECORD_WEIGHTS_MAX - 1, weights);
        weigh_among(weights, count, *lost);
    }
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
    uint32_t count = draw_weights(&drawn.stream, &primary, CG_RECORD_WEIGHTS_MAX, weights);
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
        cmocka_unit_test(test_out_of_place),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, corpus_set_up, corpus_tear_down);
}
