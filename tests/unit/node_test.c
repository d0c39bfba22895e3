/* Goal: a node answers every request as its header promises: facts good and bad, repeated,
 * tried again and given up; and timers that mean nothing change nothing.
 */
#include "tests/support/rig.h"

/* --- one host -------------------------------------------------------------------------------
 */

static void test_request_to_reply(void **state) {
    (void)state;
    rig used = make_rig(1);
    uint64_t empty_hash = hash_of(&used, 0, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    taken write = take(request(&used, 0, 42, "fact, of w17a w17b w4a"), CG_OUTPUT_WRITE);
    assert_int_equal(used.outputs[0].count, 1);
    assert_false(cg_node_idle(used.nodes[0]));
    uint64_t sequence = 0;
    assert_false(cg_node_has_request(used.nodes[0], 0, 42, &sequence)); /* not durable */

    static cg_log_buffers buffers;
    assert_int_equal(frames_in(&write), 1);
    cg_log_record record = record_in(&write, 0, 0, &buffers);
    assert_int_equal(record.kind, CG_RECORD_FACT);
    assert_true(record.id.epoch == 1 && record.id.number == 1 && record.id.replica == 0);
    assert_int_equal(record.request_id, 42);
    assert_int_equal(record.text_bytes, 22);
    assert_memory_equal(record.text, "fact, of w17a w17b w4a", 22);

    cg_reply reply = take_reply(storage_done(&used, 0, write.output.id));
    assert_int_equal(used.outputs[0].count, 1);
    assert_int_equal(reply.request_id, 42);
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.host, 0);
    assert_int_equal(reply.tries, 0);
    assert_int_equal(reply.fact_id, cg_fact_id(42));
    assert_true(reply.slot != CG_SLOT_NONE);
    assert_int_equal(reply.winner, record.target);
    assert_int_equal(reply.winner, 17); /* the fact has all of its words */
    assert_int_equal(reply.alternatives[0], reply.winner);
    assert_int_equal(reply.audited, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    assert_true(cg_node_has_request(used.nodes[0], 0, 42, &sequence));
    assert_int_equal(sequence, 1);
    assert_true(hash_of(&used, 0, 0) != empty_hash);
    assert_int_equal(storage_done(&used, 0, write.output.id)->count, 0); /* told twice */
    assert_int_equal(storage_done(&used, 0, write.output.id + 1)->count, 0);
    assert_int_equal(storage_done(&used, 0, UINT64_MAX)->count, 0);
    cg_node_statistics statistics = cg_node_statistics_of(used.nodes[0]);
    assert_int_equal(statistics.requests, 1);
    assert_int_equal(statistics.replies, 1);
    assert_int_equal(statistics.allocations, 1);
    assert_int_equal(cg_node_backlog(used.nodes[0]), 0);
    free(write.bytes);
    free_rig(&used);
}

/* Goal: a fact is answered when its own write is durable and not when an earlier one is; a
 * later write that is durable makes the earlier ones so, and all are answered in their order.
 */
static void test_answers_wait_for_their_write(void **state) {
    (void)state;
    rig used = make_rig(1);
    uint64_t tokens[5];
    for (uint64_t id = 1; id <= 4; id++) {
        taken write = take(request(&used, 0, id, "fact of w17a"), CG_OUTPUT_WRITE);
        tokens[id] = write.output.id;
        free(write.bytes);
    }
    assert_int_equal(take_reply(storage_done(&used, 0, tokens[1])).request_id, 1);
    assert_int_equal(cg_node_partition(used.nodes[0], 0).last_sequence, 4);
    assert_int_equal(cg_node_partition(used.nodes[0], 0).durable_sequence, 1);
    const cg_outputs *outputs = storage_done(&used, 0, tokens[3]);
    assert_int_equal(outputs->count, 2);
    assert_int_equal(outputs->items[0].reply.request_id, 2);
    assert_int_equal(outputs->items[1].reply.request_id, 3);
    assert_int_equal(storage_done(&used, 0, tokens[2])->count, 0);
    assert_int_equal(cg_node_partition(used.nodes[0], 0).durable_sequence, 3);
    assert_false(cg_node_idle(used.nodes[0]));
    assert_int_equal(take_reply(storage_done(&used, 0, tokens[4])).request_id, 4);
    assert_true(cg_node_idle(used.nodes[0]));
    free_rig(&used);
}

/* A new node's first request, and what its record says was learned. */
static cg_log_record record_after(cg_event event, cg_reply *reply) {
    rig used = make_rig(1);
    static const char text[] = "fact, of w17a w17b w4a";
    event.kind = CG_EVENT_REQUEST;
    event.bytes = (const uint8_t *)text;
    event.size_bytes = sizeof text - 1;
    taken write = take(step(&used, 0, event), CG_OUTPUT_WRITE);
    *reply = take_reply(storage_done(&used, 0, write.output.id));
    static cg_log_buffers buffers;
    cg_log_record record = record_in(&write, 0, 0, &buffers);
    free(write.bytes);
    free_rig(&used);
    record.text = NULL; /* was borrowed */
    return record;
}

/* Goal: a fact without a label teaches nothing; one with its true concept strengthens the column
 * that prefers it, one with a wrong concept weakens it. A labelled fact is stored where its
 * label says, and the reply tells what the engine itself decided. */
static void test_learning(void **state) {
    (void)state;
    const uint32_t *expertise = corpus.learned.synapses.expertise_q16;
    cg_reply reply;
    cg_log_record record = record_after((cg_event){.id = 1}, &reply);
    assert_false(record.has_learned);
    assert_int_equal(record.target, 17);
    assert_int_equal(reply.winner, 17);
    cg_reply told;
    record =
        record_after((cg_event){.id = 2, .flags = CG_REQUEST_LABELLED, .label = 17}, &told);
    assert_true(record.has_learned);
    assert_int_equal(record.learned.lessons, SUPPORT_LESSONS + 1); /* school counts */
    assert_true(record.learned.synapses.expertise_q16[CG_COLUMN_SEMANTIC] >
                expertise[CG_COLUMN_SEMANTIC]);
    assert_int_equal(told.winner, 17);
    assert_int_equal(told.confidence_q16, reply.confidence_q16);
    record =
        record_after((cg_event){.id = 3, .flags = CG_REQUEST_LABELLED, .label = 100}, &told);
    assert_true(record.has_learned);
    assert_true(record.learned.synapses.expertise_q16[CG_COLUMN_SEMANTIC] <
                expertise[CG_COLUMN_SEMANTIC]);
    assert_int_equal(record.target, 100);
    assert_int_equal(record.concept_type, 100 % 5);
    assert_int_equal(told.winner, 17);
    assert_int_equal(told.pathway_id, reply.pathway_id);
}

/* Goal: what is no fact is answered at once, with the reason, and leaves no trace. */
static void test_bad_facts(void **state) {
    (void)state;
    static char big[CG_POOL_BLOCK_BYTES + 1];
    memset(big, 'x', sizeof big);
    const struct {
        const char *text;
        size_t size_bytes;
        uint64_t id;
    } cases[] = {
        {"", 0, 1},
        {NULL, 0, 2},
        {"bad \xff byte", 10, 3},
        {"cut \xc3", 5, 4},
        {" ... !? \n", 9, 5},
        {big, sizeof big, 6},
        {"a good text", 11, UINT64_C(1) << 48},
        {"a good text", 11, UINT64_MAX},
    };
    for (uint32_t hosts = 1; hosts <= 2; hosts++) {
        rig used = make_rig(hosts);
        uint64_t hash = hash_of(&used, 0, 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            const cg_outputs *outputs = step(&used, 0,
                                             (cg_event){.kind = CG_EVENT_REQUEST,
                                                        .id = cases[i].id,
                                                        .bytes = (const uint8_t *)cases[i].text,
                                                        .size_bytes = cases[i].size_bytes});
            assert_int_equal(outputs->count, 1);
            cg_reply reply = take_reply(outputs);
            assert_int_equal(reply.request_id, cases[i].id);
            assert_int_equal(reply.status, CG_ERROR_INVALID);
            assert_true(reply.slot == CG_SLOT_NONE);
        }
        assert_int_equal(hash_of(&used, 0, 0), hash);
        assert_true(cg_node_idle(used.nodes[0]));
        free_rig(&used);
    }
}

/* Goal: the largest fact fits, and goes over the wire; the pool's end is told as FULL, for
 * good. */
static void test_large_facts_and_full(void **state) {
    (void)state;
    char *text = malloc(CG_POOL_BLOCK_BYTES + 1);
    assert_non_null(text);
    memset(text, 'x', CG_POOL_BLOCK_BYTES);
    memcpy(text, "w17a w17b ", 10);
    text[CG_POOL_BLOCK_BYTES] = 0;
    cg_node_options options = options_for(1, 0);
    options.pools = (cg_pool_options){CG_POOL_BLOCK_BYTES, 0};
    rig used = make_rig_with(1, &options);
    taken write = take(request(&used, 0, 1, text), CG_OUTPUT_WRITE);
    assert_true(write.output.size_bytes > CG_POOL_BLOCK_BYTES);
    assert_int_equal(take_reply(storage_done(&used, 0, write.output.id)).status, CG_OK);
    uint64_t hash = hash_of(&used, 0, 0);
    for (int repeat = 0; repeat < 2; repeat++) {
        const cg_outputs *outputs = request(&used, 0, 2, text);
        assert_int_equal(outputs->count, 1);
        assert_int_equal(take_reply(outputs).status, CG_ERROR_FULL);
        assert_int_equal(hash_of(&used, 0, 0), hash);
    }
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).duplicates, 1);
    assert_true(cg_node_idle(used.nodes[0]));
    free(write.bytes);
    free_rig(&used);

    rig pair = make_rig(2);
    uint64_t id = id_in(1, 2, 1);
    taken sent = take(request(&pair, 0, id, text), CG_OUTPUT_SEND);
    taken stored = take(message(&pair, 1, sent.bytes, sent.output.size_bytes), CG_OUTPUT_WRITE);
    assert_int_equal(count_of(&pair.outputs[1], CG_OUTPUT_SEND), 1); /* to the replica */
    assert_int_equal(count_of(storage_done(&pair, 1, stored.output.id), CG_OUTPUT_SEND), 1);
    free(sent.bytes);
    free(stored.bytes);
    free_rig(&pair);
    free(text);
}

/* --- duplicates -----------------------------------------------------------------------------
 */

static void assert_same_answer(const cg_reply *left, const cg_reply *right) {
    assert_int_equal(left->request_id, right->request_id);
    assert_int_equal(left->status, right->status);
    assert_int_equal(left->host, right->host);
    assert_int_equal(left->fact_id, right->fact_id);
    assert_int_equal(left->slot, right->slot);
    assert_int_equal(left->winner, right->winner);
    assert_int_equal(left->pathway_id, right->pathway_id);
    assert_int_equal(left->confidence_q16, right->confidence_q16);
}

/* Goal: while a request is open its id is taken, at the primary as at a gateway; afterwards it
 * gets the answer it got, and nothing is applied again, not even with another text. */
static void test_duplicate_requests(void **state) {
    (void)state;
    rig used = make_rig(1);
    taken write = take(request(&used, 0, 7, "fact of w20a"), CG_OUTPUT_WRITE);
    uint64_t hash = hash_of(&used, 0, 0);
    assert_int_equal(take_reply(request(&used, 0, 7, "fact of w20a")).status, CG_ERROR_EXISTS);
    assert_int_equal(used.outputs[0].count, 1);
    cg_reply first = take_reply(storage_done(&used, 0, write.output.id));
    cg_reply second = take_reply(request(&used, 0, 7, "w17a w17b"));
    assert_int_equal(used.outputs[0].count, 1);
    assert_same_answer(&first, &second);
    assert_int_equal(hash_of(&used, 0, 0), hash);
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).duplicates, 2);
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).allocations, 1);
    free(write.bytes);
    free_rig(&used);

    rig pair = make_rig(2);
    uint64_t id = id_in(1, 2, 1);
    taken sent = take(request(&pair, 0, id, "fact of w20a"), CG_OUTPUT_SEND);
    assert_int_equal(take_reply(request(&pair, 0, id, "fact of w20a")).status, CG_ERROR_EXISTS);
    assert_int_equal(pair.outputs[0].count, 1);
    free(sent.bytes);
    free_rig(&pair);
}

/* Goal: a primary that gets the same message again does nothing while the record waits, and
 * gives the same answer, to the byte of the payload, once it is durable. */
static void test_duplicate_messages(void **state) {
    (void)state;
    rig used = make_rig(2);
    uint64_t id = id_in(1, 2, 1);
    taken sent = take(request(&used, 0, id, "fact of w20a w20b"), CG_OUTPUT_SEND);
    assert_int_equal(sent.output.to, 1);
    assert_int_equal(type_of(&sent), CG_MESSAGE_ALLOCATE);
    assert_int_equal(count_of(&used.outputs[0], CG_OUTPUT_TIMER), 1);
    taken write = take(message(&used, 1, sent.bytes, sent.output.size_bytes), CG_OUTPUT_WRITE);
    uint64_t hash = hash_of(&used, 1, 1);
    assert_int_equal(message(&used, 1, sent.bytes, sent.output.size_bytes)->count, 0);
    /* Durable: the answer; what ships the record was sent with the write. */
    const cg_outputs *outputs = storage_done(&used, 1, write.output.id);
    assert_int_equal(outputs->count, 1);
    assert_int_equal(outputs->items[0].kind, CG_OUTPUT_SEND);
    assert_int_equal(outputs->items[0].to, 0);
    size_t size = outputs->items[0].size_bytes;
    uint8_t *answer = malloc(size);
    assert_non_null(answer);
    memcpy(answer, outputs->bytes + outputs->items[0].offset, size);
    taken again = take(message(&used, 1, sent.bytes, sent.output.size_bytes), CG_OUTPUT_SEND);
    assert_int_equal(used.outputs[1].count, 1);
    assert_int_equal(again.output.size_bytes, size);
    assert_memory_equal(again.bytes + CG_WIRE_HEADER_BYTES, answer + CG_WIRE_HEADER_BYTES,
                        size - CG_WIRE_HEADER_BYTES);
    assert_int_equal(hash_of(&used, 1, 1), hash);
    cg_reply reply = take_reply(message(&used, 0, answer, size));
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.tries, 1);
    assert_int_equal(reply.host, 1);
    assert_int_equal(message(&used, 0, again.bytes, size)->count, 0); /* answered before */
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).replies, 1);
    /* The client asks again, through the gateway and at the primary itself. */
    taken resent = take(request(&used, 0, id, "fact of w20a w20b"), CG_OUTPUT_SEND);
    taken third =
        take(message(&used, 1, resent.bytes, resent.output.size_bytes), CG_OUTPUT_SEND);
    cg_reply repeated = take_reply(message(&used, 0, third.bytes, third.output.size_bytes));
    assert_same_answer(&reply, &repeated);
    cg_reply direct = take_reply(request(&used, 1, id, "fact of w20a w20b"));
    assert_same_answer(&reply, &direct);
    assert_int_equal(hash_of(&used, 1, 1), hash);
    free(sent.bytes);
    free(write.bytes);
    free(again.bytes);
    free(resent.bytes);
    free(third.bytes);
    free(answer);
    free_rig(&used);
}

/* --- timeouts -------------------------------------------------------------------------------
 */

/* Goal: tries come at the timeout and then at timeout + retry, + 2 retry, ...; after the last
 * the client is told; what comes later is ignored. */
static void test_tries_and_timeout(void **state) {
    (void)state;
    cg_node_options options = options_for(2, 0);
    options.tries = 8;
    options.timeout_ns = 100;
    options.retry_ns = 10;
    rig used = make_rig_with(2, &options);
    uint64_t id = id_in(1, 2, 1);
    static const uint64_t waits[] = {100, 110, 120, 140, 180, 260, 260, 260};
    const cg_outputs *outputs = request(&used, 0, id, "fact of w20a");
    uint64_t previous = id; /* a timer of no try */
    taken last = {.bytes = NULL};
    for (uint32_t k = 0; k < 8; k++) {
        assert_int_equal(outputs->count, 2);
        free(last.bytes);
        last = take(outputs, CG_OUTPUT_SEND);
        taken wake = take(outputs, CG_OUTPUT_TIMER);
        assert_int_equal(wake.output.at_ns, used.now_ns + waits[k]);
        used.now_ns = wake.output.at_ns;
        assert_int_equal(timer(&used, 0, previous)->count, 0); /* stale */
        previous = wake.output.id;
        outputs = timer(&used, 0, wake.output.id);
        free(wake.bytes);
    }
    cg_reply reply = take_reply(outputs);
    assert_int_equal(outputs->count, 1);
    assert_int_equal(reply.status, CG_ERROR_TIMEOUT);
    assert_int_equal(reply.tries, 8);
    assert_int_equal(reply.request_id, id);
    assert_true(cg_node_idle(used.nodes[0]));
    assert_int_equal(cg_node_statistics_of(used.nodes[0]).retries, 7);
    /* The last try arrives after all, and is answered into the void. */
    taken write = take(message(&used, 1, last.bytes, last.output.size_bytes), CG_OUTPUT_WRITE);
    outputs = storage_done(&used, 1, write.output.id);
    assert_int_equal(outputs->items[0].to, 0);
    assert_int_equal(message(&used, 0, outputs->bytes + outputs->items[0].offset,
                             outputs->items[0].size_bytes)
                         ->count,
                     0);
    free(last.bytes);
    free(write.bytes);
    free_rig(&used);
}

/* Goal: timers that no node set, or that were set before, do nothing. */
static void test_stale_timers(void **state) {
    (void)state;
    for (uint32_t hosts = 1; hosts <= 2; hosts++) {
        rig used = make_rig(hosts);
        uint64_t id = id_in(0, hosts, 1);
        taken write = take(request(&used, 0, id, "fact of w20a"), CG_OUTPUT_WRITE);
        const uint64_t top = UINT64_C(1) << 63;
        const uint64_t timers[] = {
            0,       id,      id | UINT64_C(1) << 48, id | UINT64_C(5) << 48, UINT64_MAX, top,
            top | 1, top | 77};
        for (int durable = 0; durable <= 1; durable++) {
            uint64_t hash = hash_of(&used, 0, 0);
            for (size_t i = 0; i < sizeof timers / sizeof *timers; i++) {
                if (durable && hosts == 2 && timers[i] == top) {
                    continue; /* that one it waits for */
                }
                assert_int_equal(timer(&used, 0, timers[i])->count, 0);
            }
            assert_int_equal(hash_of(&used, 0, 0), hash);
            if (!durable) {
                storage_done(&used, 0, write.output.id);
            }
        }
        free(write.bytes);
        free_rig(&used);
    }
}

/* Goal: entries of answered requests are used again, in whatever order the answers come. */
static void test_many_open_requests(void **state) {
    (void)state;
    enum { COUNT = 300, ROUNDS = 3 };
    uint64_t seed = support_seed(4);
    cg_stream stream = cg_stream_init(seed, "node.open", 0);
    rig used = make_rig(2);
    uint64_t most_bytes = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        static uint32_t order[COUNT];
        static uint64_t ids[COUNT];
        for (uint32_t i = 0; i < COUNT; i++) {
            order[i] = i;
            ids[i] = id_in(1, 2, round * COUNT + i + 1);
            assert_int_equal(count_of(request(&used, 0, ids[i], "w20a"), CG_OUTPUT_SEND), 1);
        }
        cg_stream_shuffle_u32(&stream, order, COUNT);
        for (uint32_t i = 0; i < COUNT; i++) {
            cg_reply reply = {.request_id = ids[order[i]], .status = CG_ERROR_FULL, .host = 1};
            uint8_t bytes[CG_WIRE_HEADER_BYTES + CG_MESSAGE_ANSWER_BYTES_MAX];
            size_t size = cg_message_answer_encode(&reply, bytes + CG_WIRE_HEADER_BYTES);
            cg_wire_header header = {
                .type = CG_MESSAGE_ANSWER, .from = 1, .to = 0, .payload_bytes = (uint32_t)size};
            cg_wire_seal(&header, bytes);
            cg_reply got = take_reply(message(&used, 0, bytes, CG_WIRE_HEADER_BYTES + size));
            assert_int_equal(got.request_id, ids[order[i]]);
            assert_int_equal(got.tries, 1);
            assert_int_equal(message(&used, 0, bytes, CG_WIRE_HEADER_BYTES + size)->count, 0);
        }
        assert_true(cg_node_idle(used.nodes[0]));
        if (round == 0) {
            most_bytes = cg_node_bytes(used.nodes[0]);
        }
        assert_int_equal(cg_node_bytes(used.nodes[0]), most_bytes);
    }
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_request_to_reply),
        cmocka_unit_test(test_answers_wait_for_their_write),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_bad_facts),
        cmocka_unit_test(test_large_facts_and_full),
        cmocka_unit_test(test_duplicate_requests),
        cmocka_unit_test(test_duplicate_messages),
        cmocka_unit_test(test_tries_and_timeout),
        cmocka_unit_test(test_stale_timers),
        cmocka_unit_test(test_many_open_requests),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
