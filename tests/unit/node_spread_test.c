/* Goal: a spread begins where its request says, goes through the host's own graph and the memory
 * tiers, keeps to its budget, and answers with what engine/spread found, to the bit. (B4, E2, D7)
 */
#include "tests/support/service.h"

enum { ROWS_MOST = 8, HITS_MOST = 64 };

static uint64_t next_id;

static cg_event spread_of(const uint64_t *rows, uint32_t count, uint32_t hops, uint8_t *bytes) {
    cg_event event = recall_of(++next_id, rows, count, hops, bytes);
    event.request = CG_REQUEST_SPREAD;
    return event;
}

static cg_event question_of(const char *text, uint32_t hops) {
    cg_event event = allocate_of(++next_id, text);
    event.request = CG_REQUEST_SPREAD;
    event.flags = CG_REQUEST_TEXT;
    event.hops = hops;
    return event;
}

typedef struct answered {
    cg_reply reply;
    cg_answer_hit hits[HITS_MOST];
    uint32_t hit_count;
} answered;

static answered answer_in(const cg_outputs *outputs) {
    taken found = take(outputs, CG_OUTPUT_REPLY);
    answered made = {.reply = found.output.reply};
    assert_int_equal(found.output.size_bytes % CG_SPREAD_HIT_BYTES, 0);
    made.hit_count = (uint32_t)(found.output.size_bytes / CG_SPREAD_HIT_BYTES);
    assert_true(made.hit_count <= HITS_MOST);
    for (uint32_t i = 0; i < made.hit_count; i++) {
        made.hits[i] = cg_answer_hit_read(found.bytes + (size_t)i * CG_SPREAD_HIT_BYTES);
    }
    assert_int_equal(made.reply.count, made.hit_count);
    assert_int_equal(made.reply.request, CG_REQUEST_SPREAD);
    free(found.bytes);
    return made;
}

static answered spread_from(rig *used, uint64_t row, uint32_t hops) {
    uint8_t bytes[8];
    return answer_in(step(used, 0, spread_of(&row, 1, hops, bytes)));
}

static cg_node_statistics statistics_of(const rig *used) {
    return cg_node_statistics_of(used->nodes[0]);
}

static bool is_hit(const answered *answer, uint32_t row) {
    for (uint32_t i = 0; i < answer->hit_count; i++) {
        if (answer->hits[i].row == row) {
            return true;
        }
    }
    return false;
}

/* --- what it begins at ----------------------------------------------------------------------- */

static void test_refused(void **state) {
    (void)state;
    rig used = make_rig(1);
    uint8_t bytes[16];
    const uint64_t rows[] = {3, SUPPORT_CONCEPTS};
    (void)assert_refused(&used, 0, spread_of(rows, 2, 3, bytes), CG_ERROR_INVALID,
                         "row 200 to spread from does not exist; there are 200");
    (void)assert_refused(&used, 0, spread_of(rows, 1, 0, bytes), CG_ERROR_INVALID,
                         "a spread of 0 hops; it takes 1 to 64");
    (void)assert_refused(&used, 0, spread_of(rows, 1, 65, bytes), CG_ERROR_INVALID,
                         "a spread of 65 hops");
    cg_event event = spread_of(rows, 1, 3, bytes);
    event.size_bytes = 12;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "12 bytes of rows");
    event.size_bytes = 0;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "0 bytes of rows");
    static uint8_t many[(CG_SPREAD_ROWS_MAX + 1) * 8];
    event.bytes = many;
    event.size_bytes = sizeof many;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "1 to 1024 rows");
    (void)assert_refused(&used, 0, question_of("zzzz qqqq", 3), CG_ERROR_INVALID,
                         "knows none of the text's words");
    event = question_of("w3a", 3);
    event.size_bytes = CG_NODE_FACT_BYTES_MAX + 1;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "at most");
    assert_int_equal(statistics_of(&used).spreads, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    free_rig(&used);

    cg_node_options options = keys_options();
    used = keys_rig(&options);
    (void)assert_refused(&used, 0, spread_of(rows, 1, 3, bytes), CG_ERROR_INVALID,
                         "a spread without a graph");
    free_rig(&used);
}

/* Goal: the answer is what cg_spread_run finds in the same graph, and what it cost is counted. */
static void test_rows(void **state) {
    (void)state;
    rig used = make_rig(1);
    const uint64_t rows[] = {17, 40, 17};
    uint8_t bytes[24];
    const cg_outputs *outputs = step(&used, 0, spread_of(rows, 3, 3, bytes));
    answered answer = answer_in(outputs);
    assert_int_equal(answer.reply.status, CG_OK);

    cg_error error = {0};
    cg_spread_scratch *scratch = NULL;
    assert_ok(cg_spread_scratch_alloc(cg_allocator_heap(), &scratch, &error), error);
    const cg_spread_seed seeds[] = {{17, 1.0}, {40, 1.0}, {17, 1.0}};
    cg_spread_query query = cg_spread_query_default();
    query.seeds = seeds;
    query.seed_count = 3;
    cg_spread_result result;
    cg_work work = {0};
    assert_ok(cg_spread_run(corpus.graph, &query, scratch, &result, &work, &error), error);
    assert_int_equal(answer.hit_count, result.hit_count);
    assert_int_equal(answer.reply.reached, result.reached);
    assert_int_equal(answer.reply.hops, result.hops);
    assert_int_equal(answer.reply.edges, result.edges);
    for (uint32_t i = 0; i < result.hit_count; i++) {
        assert_int_equal(answer.hits[i].row, result.hits[i].row);
        assert_int_equal(answer.hits[i].predecessor, result.hits[i].predecessor);
        assert_int_equal(answer.hits[i].hops, result.hits[i].hop);
        double off = (double)answer.hits[i].activation_q32 / 4294967295.0 -
                     (double)result.hits[i].activation / (double)CG_SPREAD_ONE;
        assert_true(off < 1e-9 && off > -1e-9);
    }
    /* What it came to, without what it began at. */
    assert_true(answer.reply.alternative_count > 0);
    for (uint32_t i = 0; i < answer.reply.alternative_count; i++) {
        assert_true(answer.reply.alternatives[i] != 17 && answer.reply.alternatives[i] != 40);
    }
    assert_int_equal(answer.reply.winner, answer.reply.alternatives[0]);
    assert_true(answer.reply.confidence_q16 > 0 && answer.reply.confidence_q16 <= 65536);
    assert_int_equal(outputs->work.operations[CG_WORK_SPREAD], result.visits);
    assert_int_equal(outputs->work.units[CG_WORK_SPREAD], result.edges);
    cg_spread_scratch_free(scratch);
    free_rig(&used);
}

static void test_text(void **state) {
    (void)state;
    rig used = make_rig(1);
    char text[SUPPORT_TEXT_BYTES];
    uint32_t length = support_concept_text(60, text);
    text[length] = '\0';
    answered answer = answer_in(step(&used, 0, question_of(strchr(text, ':') + 2, 2)));
    assert_int_equal(answer.reply.status, CG_OK);
    assert_true(is_hit(&answer, 60));
    assert_true(is_hit(&answer, (60 - 1) / 4)); /* what it hangs under */
    assert_true(answer.reply.reached > 8);
    assert_int_equal(statistics_of(&used).allocations, 0);
    assert_int_equal(statistics_of(&used).spreads, 1);
    free_rig(&used);
}

/* Goal: facts of the host's own partition are reached, and gone when they are removed. */
static void test_own_facts(void **state) {
    (void)state;
    rig used = make_rig(1);
    world around = world_of(&used);
    cg_event fact = allocate_of(++next_id, "w17a w17b");
    fact.flags = CG_REQUEST_LABELLED;
    fact.label = 17;
    uint64_t allocated = fact.id;
    assert_int_equal(world_reply(&around, 0, fact).status, CG_OK);
    answered answer = spread_from(&used, 17, 1);
    assert_true(is_hit(&answer, SUPPORT_CONCEPTS));
    used.now_ns += MS;
    assert_int_equal(world_reply(&around, 0, removal_of(++next_id, allocated)).status, CG_OK);
    answer = spread_from(&used, 17, 1);
    assert_false(is_hit(&answer, SUPPORT_CONCEPTS));
    uint8_t bytes[8];
    const uint64_t gone = SUPPORT_CONCEPTS;
    (void)assert_refused(&used, 0, spread_of(&gone, 1, 1, bytes), CG_ERROR_INVALID,
                         "was removed");
    world_free(&around);
    free_rig(&used);
}

/* --- tiers ------------------------------------------------------------------------------------ */

static uint64_t reads_of(const rig *used) {
    cg_tier_statistics tiers = statistics_of(used).tiers;
    return tiers.reads[0] + tiers.reads[1] + tiers.reads[2];
}

static void test_tiers(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.tiers[0].capacity = 4;
    options.tiers[1].capacity = 4; /* the rest of the graph is in the store */
    options.spread.thresholds[2] = 1.0;
    rig used = make_rig_with(1, &options);
    uint64_t before = reads_of(&used);
    answered answer = spread_from(&used, 0, 4);
    cg_node_statistics now = statistics_of(&used);
    assert_int_equal(reads_of(&used) - before, now.spread_visits);
    free_rig(&used);

    options.spread.thresholds[2] = 0.01;
    used = make_rig_with(1, &options);
    answered wide = spread_from(&used, 0, 4);
    assert_true(wide.reply.edges > answer.reply.edges);
    cg_tier_statistics tiers = statistics_of(&used).tiers;
    assert_true(tiers.reads[2] > 0);
    free_rig(&used);
}

static void test_budget_of_visits(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    rig used = make_rig_with(1, &options);
    answered whole = spread_from(&used, 0, 5);
    free_rig(&used);
    options.spread.budgets[0] = options.spread.budgets[1] = 3;
    used = make_rig_with(1, &options);
    answered bounded = spread_from(&used, 0, 5);
    assert_true(bounded.reply.edges < whole.reply.edges);
    assert_int_equal(bounded.reply.status, CG_OK); /* asked for, so not partial */
    free_rig(&used);
}

static void test_refractory(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.spread.refractory_ns = 10 * MS;
    rig used = make_rig_with(1, &options);
    assert_true(spread_from(&used, 17, 2).reply.edges > 0);
    used.now_ns += 5 * MS;
    answered again = spread_from(&used, 17, 2);
    assert_int_equal(again.reply.edges, 0);
    assert_int_equal(again.reply.reached, 1);
    assert_int_equal(again.reply.winner, 17);
    used.now_ns += 20 * MS;
    assert_true(spread_from(&used, 17, 2).reply.edges > 0);
    free_rig(&used);
}

/* --- budgets of time --------------------------------------------------------------------------- */

/* The forecast learns that an edge takes so long; done timers say so. */
static void teach(rig *used, uint32_t rounds, uint64_t edge_ns) {
    for (uint32_t i = 0; i < rounds; i++) {
        uint8_t bytes[8];
        const uint64_t row = 1 + i % 45; /* all have four below them */
        const cg_outputs *outputs = step(used, 0, spread_of(&row, 1, 1 + i % 4, bytes));
        uint64_t edges = take_reply(outputs).edges;
        uint64_t id = timer_of(outputs, CG_TIMER_DONE).id;
        used->now_ns += 1000 + edges * edge_ns;
        (void)timer(used, 0, id);
    }
}

static void test_budget_of_time(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.forecasts = true;
    rig used = make_rig_with(1, &options);
    teach(&used, 600, 100);
    answered whole = spread_from(&used, 9, 4);
    uint64_t forecast_ns = whole.reply.forecast_ns;
    uint64_t actual_ns = 1000 + whole.reply.edges * 100;
    print_message("forecast %llu ns of %llu\n", (unsigned long long)forecast_ns,
                  (unsigned long long)actual_ns);
    assert_true(forecast_ns > actual_ns / 2 && forecast_ns < actual_ns * 2);
    assert_int_equal(whole.reply.status, CG_OK);

    used.nodes[0]->options.service.budget_ns = forecast_ns * 9 / 10;
    answered shorter = spread_from(&used, 9, 4);
    assert_int_equal(shorter.reply.status, CG_ERROR_PARTIAL);
    assert_true(shorter.reply.hops > 0 && shorter.reply.hops < whole.reply.hops);
    assert_true(shorter.reply.forecast_ns <= forecast_ns * 9 / 10);

    used.nodes[0]->options.service.budget_ns = forecast_ns / 2;
    const uint64_t rows[] = {9, 3, 9};
    uint8_t bytes[24];
    answered alone = answer_in(step(&used, 0, spread_of(rows, 3, 4, bytes)));
    assert_int_equal(alone.reply.status, CG_ERROR_PARTIAL);
    assert_int_equal(alone.reply.hops, 0);
    assert_int_equal(alone.reply.edges, 0);
    assert_int_equal(alone.hit_count, 2); /* each once, equal ones by row */
    assert_int_equal(alone.hits[0].row, 3);
    assert_int_equal(alone.hits[1].row, 9);
    assert_true(alone.hits[0].activation_q32 == UINT32_MAX);
    assert_int_equal(statistics_of(&used).partial, 2);
    free_rig(&used);
}

/* Goal: what spreads take says nothing of recalls: a forecast of one is the same before and after. */
static void test_recalls_are_forecast_apart(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.forecasts = true;
    rig used = make_rig_with(1, &options);
    uint8_t bytes[8];
    const uint64_t key = 17;
    for (uint32_t i = 0; i < 50; i++) {
        const cg_outputs *outputs = step(&used, 0, recall_of(++next_id, &key, 1, 1, bytes));
        uint64_t id = timer_of(outputs, CG_TIMER_DONE).id;
        used.now_ns += 2000;
        (void)timer(&used, 0, id);
    }
    uint64_t before =
        take_reply(step(&used, 0, recall_of(++next_id, &key, 1, 1, bytes))).forecast_ns;
    assert_in_range(before, 1000, 4000);
    teach(&used, 300, 10000);
    uint64_t after =
        take_reply(step(&used, 0, recall_of(++next_id, &key, 1, 1, bytes))).forecast_ns;
    assert_int_equal(after, before);
    free_rig(&used);
}

/* --- a graph without texts ----------------------------------------------------------------------- */

static void test_textless(void **state) {
    (void)state;
    cg_error error = {0};
    cg_graph *ring = NULL;
    assert_ok(cg_graph_alloc(NULL, cg_allocator_heap(), &ring, &error), error);
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t row = 0;
        assert_ok(cg_graph_add_concept(ring, i + 1, 0, "", &row, &error), error);
    }
    for (uint32_t i = 0; i < 10; i++) {
        cg_edge edge = {.target = (i + 1) % 10, .type = CG_EDGE_OTHER, .weight = 255};
        assert_ok(cg_graph_add_edge(ring, i, edge, &error), error);
    }
    assert_ok(cg_graph_freeze(ring, &error), error);
    cg_node_options options = cg_node_options_default();
    options.graph = ring;
    options.spread.lambda = 0.0;
    rig used = keys_rig(&options);
    answered answer = spread_from(&used, 8, 3);
    assert_int_equal(answer.reply.reached, 4);
    assert_true(is_hit(&answer, 8) && is_hit(&answer, 9) && is_hit(&answer, 0) &&
                is_hit(&answer, 1));
    uint8_t bytes[8];
    const uint64_t beyond = 10;
    (void)assert_refused(&used, 0, spread_of(&beyond, 1, 1, bytes), CG_ERROR_INVALID,
                         "row 10 to spread from does not exist; there are 10");
    (void)assert_refused(&used, 0, question_of("w1a", 1), CG_ERROR_INVALID, "name rows");
    (void)assert_refused(&used, 0, allocate_of(++next_id, "w1a"), CG_ERROR_INVALID,
                         "without texts");
    /* A recall goes along first edges. */
    uint64_t before = reads_of(&used);
    cg_reply recalled =
        take_reply(step(&used, 0, recall_of(++next_id, (const uint64_t[]){9}, 1, 2, bytes)));
    assert_int_equal(recalled.status, CG_OK);
    assert_int_equal(reads_of(&used) - before, 3);
    assert_int_equal(statistics_of(&used).tiers.reads[2], 0); /* it begins in memory */
    (void)assert_refused(&used, 0, recall_of(++next_id, &beyond, 1, 0, bytes), CG_ERROR_INVALID,
                         "there are 10");
    assert_true(cg_node_idle(used.nodes[0]));
    free_rig(&used);

    cg_node *node = NULL;
    options.hosts = 2;
    assert_status(cg_node_alloc(&options, NULL, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, "one host");
    cg_graph_free(ring);
}

/* Goal: the modelled caches see every line that a spread touches, and change no answer. */
static void test_modelled_caches(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    rig plain = make_rig_with(1, &options);
    options.spread.models_cpu = true;
    rig split = make_rig_with(1, &options);
    options.spread.whole_records = true;
    rig whole = make_rig_with(1, &options);
    for (uint64_t row = 0; row < 50; row++) {
        uint64_t digest = spread_from(&plain, row, 3).reply.digest;
        assert_true(spread_from(&split, row, 3).reply.digest == digest);
        assert_true(spread_from(&whole, row, 3).reply.digest == digest);
    }
    assert_int_equal(statistics_of(&plain).cpu_all.accesses, 0);
    cg_cpu_counts hot = statistics_of(&split).cpu_hot;
    cg_cpu_counts wide = statistics_of(&whole).cpu_hot;
    assert_true(hot.accesses > 0);
    assert_int_equal(hot.accesses, wide.accesses);
    assert_true(hot.hits[0] > wide.hits[0]);
    assert_true(statistics_of(&split).cpu_all.accesses > hot.accesses);
    free_rig(&plain);
    free_rig(&split);
    free_rig(&whole);
}

/* --- consolidation ----------------------------------------------------------------------------- */

static uint8_t weight_of(const cg_graph *graph, uint32_t from, uint32_t target) {
    cg_edge_cursor edges = cg_graph_edges(graph, from);
    cg_edge edge;
    while (cg_graph_next_edge(&edges, &edge)) {
        if (edge.target == target) {
            return edge.weight;
        }
    }
    fail_msg("no edge from %u to %u", from, target);
    return 0;
}

/* Goal: what was active together grows closer at the next multiple of the interval, at primary and
 * replica alike, and nowhere else; an idle node sets no timer. (E6) */
static void test_consolidation(void **state) {
    (void)state;
    cg_node_options options = options_for(2, 0);
    options.spread.consolidate_ns = 10 * MS;
    rig used = make_rig_with(2, &options);
    world around = world_of(&used);
    /* All edges of the corpus have the weight 1.0, so what can grow is weakened first. */
    cg_error error = {0};
    for (uint32_t partition = 0; partition < 2; partition++) {
        cg_graph *primary = used.nodes[partition]->spaces[0].holdings[0].partition.graph;
        cg_graph *replica = used.nodes[1 - partition]->spaces[0].holdings[1].partition.graph;
        cg_edge up = {.target = 4, .type = CG_EDGE_HYPERNYM};
        assert_ok(cg_graph_set_weight(primary, 17, up.type, up.target, 100, &error), error);
        assert_ok(cg_graph_set_weight(replica, 17, up.type, up.target, 100, &error), error);
    }
    const uint64_t row = 17;
    uint8_t bytes[8];
    for (uint32_t i = 0; i < 20; i++) {
        (void)world_reply(&around, 0, spread_of(&row, 1, 2, bytes));
    }
    cg_node_statistics now = statistics_of(&used);
    assert_int_equal(now.consolidations, 20); /* the world runs until nothing is due */
    assert_true(now.edges_strengthened >= 1);
    uint8_t weight = weight_of(used.nodes[0]->spaces[0].holdings[0].partition.graph, 17, 4);
    assert_true(weight > 100);
    assert_int_equal(weight_of(used.nodes[1]->spaces[0].holdings[1].partition.graph, 17, 4),
                     weight);
    assert_int_equal(weight_of(used.nodes[1]->spaces[0].holdings[0].partition.graph, 17, 4),
                     100);
    assert_int_equal(weight_of(corpus.graph, 17, 4), 255);
    assert_true(hash_of(&used, 0, 0) == hash_of(&used, 1, 0));
    cg_partition_state partition = cg_node_partition(used.nodes[0], 0);
    assert_int_equal(partition.unasked, partition.last_sequence);
    assert_true(cg_node_idle(used.nodes[0]) && cg_node_idle(used.nodes[1]));
    world_free(&around);
    free_rig(&used);
}

/* Goal: facts below one concept that say the same are proposed for merging, once. (E6) */
static void test_near_duplicates(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.spread.consolidate_ns = 10 * MS;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    static const char *const texts[] = {"w17a w17b w4a shining", "w17a w17b w4a shining",
                                        "w60a w60b", "w17a w17b dull"};
    static const uint32_t labels[] = {17, 17, 60, 17};
    for (uint32_t i = 0; i < 4; i++) {
        cg_event fact = allocate_of(++next_id, texts[i]);
        fact.flags = CG_REQUEST_LABELLED;
        fact.label = labels[i];
        assert_int_equal(world_reply(&around, 0, fact).status, CG_OK);
    }
    const uint64_t row = 17;
    uint8_t bytes[8];
    (void)world_reply(&around, 0, spread_of(&row, 1, 2, bytes));
    assert_int_equal(statistics_of(&used).merges_proposed, 1);
    assert_int_equal(around.alerts, 1);
    assert_non_null(strstr(around.alert, "1 pair of facts may be one"));
    assert_non_null(strstr(around.alert, "row 200 "));
    assert_non_null(strstr(around.alert, "and row 201 "));
    used.now_ns += 100 * MS;
    (void)world_reply(&around, 0, spread_of(&row, 1, 2, bytes));
    assert_int_equal(statistics_of(&used).consolidations, 2);
    assert_int_equal(statistics_of(&used).merges_proposed, 1);
    world_free(&around);
    free_rig(&used);

    /* Far apart among the new ones: still one pair. */
    options.spread.consolidate_ns = MS;
    used = make_rig_with(1, &options);
    around = world_of(&used);
    for (uint32_t i = 0; i < 100; i++) {
        char text[64];
        snprintf(text, sizeof text, i % 99 == 0 ? "w17a w17b shining" : "w%ua w%ub", i, i);
        cg_event fact = allocate_of(++next_id, text);
        fact.flags = CG_REQUEST_LABELLED;
        fact.label = i % 99 == 0 ? 17 : i;
        assert_int_equal(world_reply(&around, 0, fact).status, CG_OK);
    }
    (void)world_reply(&around, 0, spread_of(&row, 1, 2, bytes));
    assert_int_equal(statistics_of(&used).merges_proposed, 1);
    world_free(&around);
    free_rig(&used);

    cg_node *node = NULL;
    cg_error error = {0};
    options = keys_options();
    options.spread.consolidate_ns = MS;
    assert_status(cg_node_alloc(&options, NULL, cg_allocator_heap(), &node, &error),
                  CG_ERROR_INVALID, error, "there is no log of it");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_own_facts),
        cmocka_unit_test(test_tiers),
        cmocka_unit_test(test_budget_of_visits),
        cmocka_unit_test(test_refractory),
        cmocka_unit_test(test_budget_of_time),
        cmocka_unit_test(test_recalls_are_forecast_apart),
        cmocka_unit_test(test_textless),
        cmocka_unit_test(test_modelled_caches),
        cmocka_unit_test(test_consolidation),
        cmocka_unit_test(test_near_duplicates),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
