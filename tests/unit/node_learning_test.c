/* Goal: a node learns from labelled facts and from nothing else, the same whether it is audited
 * or not; and what it knows is in the log, so that a replica knows it too.
 */
#include "engine/node/node_internal.h"
#include "tests/support/rig.h"

/* The n-th fact of a stream in which some are labelled, and some of these wrongly. */
typedef struct lesson {
    char text[SUPPORT_TEXT_BYTES];
    cg_event event;
} lesson;

static void make_lesson(lesson *made, uint64_t id, uint32_t nth) {
    cg_stream stream = cg_stream_init(21, "node.lesson", nth);
    uint32_t row = (uint32_t)cg_stream_next_below(&stream, SUPPORT_CONCEPTS);
    uint32_t other = (uint32_t)cg_stream_next_below(&stream, SUPPORT_CONCEPTS);
    size_t bytes = support_fact_about(&stream, row, made->text);
    made->event = (cg_event){.kind = CG_EVENT_REQUEST,
                             .id = id,
                             .flags = nth % 3 > 0 ? CG_REQUEST_LABELLED : 0,
                             .label = nth % 9 == 1 ? other : row,
                             .bytes = (const uint8_t *)made->text,
                             .size_bytes = bytes};
}

/* The only one of a write. */
static cg_log_record record_of(const taken *write) {
    static cg_log_buffers buffers;
    assert_int_equal(frames_in(write), 1);
    return record_in(write, 0, 0, &buffers);
}

static void assert_same_learned(const cg_learned *left, const cg_learned *right) {
    assert_memory_equal(&left->synapses, &right->synapses, sizeof left->synapses);
    assert_memory_equal(&left->calibration, &right->calibration, sizeof left->calibration);
    assert_int_equal(left->lessons, right->lessons);
}

/* Goal: after every record, labelled or not, the replica has what its primary has: what was
 * learned, the lexicon, and the whole state; and each learned record carries it all. */
static void test_replica_knows_as_much(void **state) {
    (void)state;
    enum { FACTS = 90 };
    rig used = make_rig(2);
    const cg_partition *own = &used.nodes[0]->spaces[0].holdings[0].partition;
    const cg_partition *copy = &used.nodes[1]->spaces[0].holdings[1].partition;
    uint64_t lexicon = cg_lexicon_hash(own->lexicon);
    uint64_t lessons = SUPPORT_LESSONS;
    for (uint32_t i = 0; i < FACTS; i++) {
        lesson made;
        make_lesson(&made, id_in(0, 2, i + 1), i);
        bool labelled = made.event.flags != 0;
        cg_learned before = own->learned;
        taken write = take(step(&used, 0, made.event), CG_OUTPUT_WRITE);
        taken append = take(&used.outputs[0], CG_OUTPUT_SEND);
        cg_log_record record = record_of(&write);
        assert_true(record.has_learned == labelled);
        lessons += labelled;
        if (labelled) {
            assert_same_learned(&record.learned, &own->learned);
            assert_int_equal(record.target, made.event.label);
        } else {
            assert_same_learned(&before, &own->learned);
        }
        assert_int_equal(own->learned.lessons, lessons);
        storage_done(&used, 0, write.output.id);
        taken stored =
            take(message(&used, 1, append.bytes, append.output.size_bytes), CG_OUTPUT_WRITE);
        assert_same_learned(&copy->learned, &own->learned);
        assert_true(cg_lexicon_hash(copy->lexicon) == cg_lexicon_hash(own->lexicon));
        assert_true(hash_of(&used, 0, 0) == hash_of(&used, 1, 0));
        taken told = take(storage_done(&used, 1, stored.output.id), CG_OUTPUT_SEND);
        message(&used, 0, told.bytes, told.output.size_bytes);
        used.now_ns += MS;
        free(write.bytes);
        free(append.bytes);
        free(stored.bytes);
        free(told.bytes);
    }
    assert_true(cg_lexicon_hash(own->lexicon) != lexicon);
    assert_true(cg_learned_hash(&own->learned) != cg_learned_hash(&corpus.learned));
    /* What the replica is primary of heard of none of it. */
    assert_same_learned(&used.nodes[1]->spaces[0].holdings[0].partition.learned,
                        &corpus.learned);
    assert_same_learned(&used.nodes[0]->spaces[0].holdings[1].partition.learned,
                        &corpus.learned);
    free_rig(&used);
}

/* Goal: to be audited changes nothing that is learned, nor stored, although the exhaustive
 * decision often hears other candidates than the one that is learned from. */
static void test_audit_leaves_learning_alone(void **state) {
    (void)state;
    enum { FACTS = 60 };
    cg_node_options options = options_for(1, 0);
    options.cascade.strategy = CG_STRATEGY_HIERARCHICAL;
    options.cascade.neighbours = 2;
    options.cascade.ef = 2;
    options.cascade.semantic = (cg_filter){0.1, 2};
    options.cascade.structural = (cg_filter){0.5, 2};
    rig plain = make_rig_with(1, &options);
    rig audited = make_rig_with(1, &options);
    uint32_t disagreed = 0;
    for (uint32_t i = 0; i < FACTS; i++) {
        lesson made;
        make_lesson(&made, i + 1, i);
        int bytes = snprintf(made.text, sizeof made.text, "fact%u, of w%ua w%ub", i,
                             made.event.label, (made.event.label + 7 * i) % SUPPORT_CONCEPTS);
        made.event.size_bytes = (size_t)bytes; /* of two concepts, so that it is a near thing */
        taken left = take(step(&plain, 0, made.event), CG_OUTPUT_WRITE);
        made.event.flags |= CG_REQUEST_AUDIT;
        taken right = take(step(&audited, 0, made.event), CG_OUTPUT_WRITE);
        assert_int_equal(left.output.size_bytes, right.output.size_bytes);
        assert_memory_equal(left.bytes, right.bytes, left.output.size_bytes);
        cg_reply reply = take_reply(storage_done(&audited, 0, right.output.id));
        assert_int_equal(reply.audited, 1);
        disagreed += !reply.agreed;
        plain.now_ns += MS;
        audited.now_ns += MS;
        free(left.bytes);
        free(right.bytes);
    }
    assert_true(disagreed > 0); /* so the audits were other decisions */
    assert_same_learned(&plain.nodes[0]->spaces[0].holdings[0].partition.learned,
                        &audited.nodes[0]->spaces[0].holdings[0].partition.learned);
    assert_true(plain.nodes[0]->spaces[0].holdings[0].partition.learned.lessons >
                SUPPORT_LESSONS);
    assert_true(hash_of(&plain, 0, 0) == hash_of(&audited, 0, 0));
    free_rig(&plain);
    free_rig(&audited);
}

/* Goal: facts without a label teach nothing, audited or not, and whatever stands where the label
 * would. */
static void test_unlabelled_teach_nothing(void **state) {
    (void)state;
    rig used = make_rig(1);
    for (uint32_t i = 0; i < 40; i++) {
        lesson made;
        make_lesson(&made, i + 1, i);
        made.event.flags = i % 2 ? CG_REQUEST_AUDIT : 0;
        made.event.label = i % 4 ? made.event.label : UINT32_MAX;
        taken write = take(step(&used, 0, made.event), CG_OUTPUT_WRITE);
        assert_false(record_of(&write).has_learned);
        assert_same_learned(&used.nodes[0]->spaces[0].holdings[0].partition.learned,
                            &corpus.learned);
        free(write.bytes);
    }
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).allocations, 40);
    free_rig(&used);
}

/* Goal: a labelled fact hangs below its label, not below what was decided; and its own row is no
 * label for others: hosts do not agree about it. */
static void test_label_is_where_it_goes(void **state) {
    (void)state;
    rig used = make_rig(1);
    cg_event event = {.kind = CG_EVENT_REQUEST,
                      .id = 1,
                      .flags = CG_REQUEST_LABELLED,
                      .label = 100,
                      .bytes = (const uint8_t *)"fact1, of w17a w17b w4a w4b w0a w0b",
                      .size_bytes = 35};
    taken write = take(step(&used, 0, event), CG_OUTPUT_WRITE);
    cg_reply reply = take_reply(storage_done(&used, 0, write.output.id));
    assert_int_equal(reply.winner, 17);
    uint32_t parents[4];
    const cg_graph *graph = used.nodes[0]->spaces[0].holdings[0].partition.graph;
    assert_int_equal(cg_graph_concept_count(graph), SUPPORT_CONCEPTS + 1);
    assert_int_equal(cg_graph_parents(graph, SUPPORT_CONCEPTS, parents, 4), 1);
    assert_int_equal(parents[0], 100);
    assert_int_equal(cg_graph_type(graph, SUPPORT_CONCEPTS), 100 % 5);
    free(write.bytes);
    free_rig(&used);
}

/* Goal: a label to nothing is refused with a sentence and changes nothing, here and from another
 * host; a concept of the partition's own is nothing to other hosts. */
static void test_label_to_nothing(void **state) {
    (void)state;
    static const uint32_t labels[] = {SUPPORT_CONCEPTS, SUPPORT_CONCEPTS + 1, UINT32_MAX};
    rig used = make_rig(2);
    lesson made;
    make_lesson(&made, id_in(0, 2, 1), 0);
    taken write = take(step(&used, 0, made.event), CG_OUTPUT_WRITE); /* makes the row */
    storage_done(&used, 0, write.output.id);
    free(write.bytes);
    uint64_t own = hash_of(&used, 0, 0);
    uint64_t copy = hash_of(&used, 0, 1);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        for (uint32_t partition = 0; partition < 2; partition++) {
            cg_error error = {0};
            make_lesson(&made, id_in(partition, 2, 10), 1);
            made.event.label = labels[i];
            made.event.now_ns = used.now_ns;
            assert_int_equal(cg_node_step(used.nodes[0], &made.event, &used.outputs[0], &error),
                             CG_OK);
            assert_int_equal(used.outputs[0].count, 1);
            assert_int_equal(take_reply(&used.outputs[0]).status, CG_ERROR_INVALID);
            assert_true(support_contains(error.message, "is no concept; there are 200"));
        }
    }
    assert_true(hash_of(&used, 0, 0) == own && hash_of(&used, 0, 1) == copy);
    make_lesson(&made, id_in(1, 2, 10), 1);
    taken sent = take(step(&used, 0, made.event), CG_OUTPUT_SEND);
    uint64_t hash = hash_of(&used, 1, 1);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        cg_writer writer = cg_writer_init(sent.bytes + CG_WIRE_HEADER_BYTES + 12, 4);
        cg_write_u32(&writer, labels[i]);
        seal(sent.bytes, sent.output.size_bytes, CG_MESSAGE_ALLOCATE, 0, 1);
        assert_ignored(&used, 1, sent.bytes, sent.output.size_bytes);
    }
    assert_true(hash_of(&used, 1, 1) == hash);
    assert_same_learned(&used.nodes[1]->spaces[0].holdings[0].partition.learned,
                        &corpus.learned);
    free(sent.bytes);
    free_rig(&used);
}

/* Goal: a labelled fact that finds no slot is no lesson. */
static void test_full_teaches_nothing(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.pools = (cg_pool_options){CG_POOL_BLOCK_BYTES, 0};
    rig used = make_rig_with(1, &options);
    static const char words[] = "w17a w17b ";
    static char text[CG_POOL_BLOCK_BYTES];
    memset(text, 'x', sizeof text);
    memcpy(text, words, sizeof words - 1);
    cg_event event = {.kind = CG_EVENT_REQUEST,
                      .id = 1,
                      .flags = CG_REQUEST_LABELLED,
                      .label = 17,
                      .bytes = (const uint8_t *)text,
                      .size_bytes = CG_POOL_BLOCK_BYTES};
    assert_int_equal(count_of(step(&used, 0, event), CG_OUTPUT_WRITE), 1);
    cg_learned before = used.nodes[0]->spaces[0].holdings[0].partition.learned;
    assert_int_equal(before.lessons, SUPPORT_LESSONS + 1);
    uint64_t hash = hash_of(&used, 0, 0);
    event.id = 2;
    assert_int_equal(take_reply(step(&used, 0, event)).status, CG_ERROR_FULL);
    assert_same_learned(&used.nodes[0]->spaces[0].holdings[0].partition.learned, &before);
    assert_true(hash_of(&used, 0, 0) == hash);
    free_rig(&used);
}

/* Goal: a host goes on counting the words of what it reads, and a replica of records does not read;
 * the same facts lead to the same frequencies. */
static void test_frequencies_go_on(void **state) {
    (void)state;
    rig used = make_rig(2);
    rig again = make_rig(2);
    uint64_t version = cg_embedder_version(corpus.embedder);
    assert_true(cg_node_vocabulary_version(used.nodes[0], 0) == version);
    for (uint32_t i = 0; i < 4; i++) {
        lesson made;
        make_lesson(&made, id_in(i % 2, 2, i / 2 + 1), i); /* its own, and others' */
        step(&used, 0, made.event);
        step(&again, 0, made.event);
        assert_true(cg_node_vocabulary_version(used.nodes[0], 0) != version);
        version = cg_node_vocabulary_version(used.nodes[0], 0);
        assert_true(cg_node_vocabulary_version(again.nodes[0], 0) == version);
    }
    assert_true(cg_node_vocabulary_version(used.nodes[1], 0) ==
                cg_embedder_version(corpus.embedder));
    free_rig(&used);
    free_rig(&again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replica_knows_as_much),
        cmocka_unit_test(test_audit_leaves_learning_alone),
        cmocka_unit_test(test_unlabelled_teach_nothing),
        cmocka_unit_test(test_label_is_where_it_goes),
        cmocka_unit_test(test_label_to_nothing),
        cmocka_unit_test(test_full_teaches_nothing),
        cmocka_unit_test(test_frequencies_go_on),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
