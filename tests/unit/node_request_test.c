/* Goal: a batch is stored in its order or as far as there is room; a fact goes back when nobody
 * uses it, once, wherever its request went; decisions are remembered until something changes; and
 * records that come while the disk is busy go to it together. (B3, B4)
 */
#include "tests/support/service.h"

static cg_node_statistics statistics_of(const rig *used, uint32_t host) {
    return cg_node_statistics_of(used->nodes[host]);
}

static uint64_t slots_taken(const rig *used, uint32_t host) {
    return statistics_of(used, host).pools.slots_taken;
}

/* --- batches ------------------------------------------------------------------------------- */

static const char *const texts[] = {"w17a w17b", "w30a w30b", "w55a w55b", "w90a w90b"};
static const uint32_t targets[] = {17, 30, 55, 90};

static void test_batch_in_order(void **state) {
    (void)state;
    rig used = make_rig(1);
    uint8_t bytes[256];
    size_t size = batch_bytes(texts, 4, bytes, sizeof bytes);
    taken write = take(step(&used, 0, batch_of(5, bytes, size)), CG_OUTPUT_WRITE);
    assert_int_equal(used.outputs[0].count, 1);
    static cg_log_buffers buffers;
    assert_int_equal(frames_in(&write), 4);
    for (uint32_t i = 0; i < 4; i++) {
        cg_log_record record = record_in(&write, 0, i, &buffers);
        assert_int_equal(record.id.number, i + 1);
        assert_true(record.request_id == (5 | (uint64_t)i << CG_BATCH_PLACE_SHIFT));
        assert_int_equal(record.target, targets[i]);
        assert_memory_equal(record.text, texts[i], strlen(texts[i]));
    }
    (void)assert_refused(&used, 0, batch_of(5, bytes, size), CG_ERROR_EXISTS, "is open");
    cg_reply reply = take_reply(storage_done(&used, 0, write.output.id));
    assert_int_equal(used.outputs[0].count, 1);
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.request, CG_REQUEST_BATCH);
    assert_int_equal(reply.count, 4);
    assert_int_equal(reply.fact_id, cg_fact_id(5));
    assert_int_equal(statistics_of(&used, 0).allocations, 4);
    uint64_t hash = hash_of(&used, 0, 0);
    cg_reply again = take_reply(step(&used, 0, batch_of(5, bytes, size)));
    assert_memory_equal(&reply, &again, sizeof reply);
    assert_int_equal(hash_of(&used, 0, 0), hash);
    assert_int_equal(statistics_of(&used, 0).duplicates, 2);
    assert_true(cg_node_idle(used.nodes[0]));
    free(write.bytes);
    free_rig(&used);
}

/* Goal: a batch that meets a full pool is stored as far as that, and says so whenever it is asked
 * again; one that meets it with its first fact is refused. Facts go back one by one. */
static void test_batch_partial(void **state) {
    (void)state;
    char *big[3];
    for (uint32_t i = 0; i < 3; i++) {
        big[i] = malloc(CG_POOL_BLOCK_BYTES + 1);
        assert_non_null(big[i]);
        memset(big[i], 'x', CG_POOL_BLOCK_BYTES);
        memcpy(big[i], "w17a w17b ", 10);
        big[i][CG_POOL_BLOCK_BYTES] = 0;
    }
    cg_node_options options = options_for(1, 0);
    options.pools = (cg_pool_options){2 * CG_POOL_BLOCK_BYTES, 0};
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    size_t capacity = 4 * (CG_POOL_BLOCK_BYTES + 8);
    uint8_t *bytes = malloc(capacity);
    assert_non_null(bytes);
    cg_event batch =
        batch_of(1, bytes, batch_bytes((const char *const *)big, 3, bytes, capacity));
    cg_error error;
    (void)step_told(&used, 0, batch, &error);
    world_keep(&around, 0);
    world_run(&around);
    assert_int_equal(around.reply_count, 1);
    cg_reply reply = around.replies[0].reply;
    assert_status(reply.status, CG_ERROR_PARTIAL, error, "2 of 3 facts of the batch");
    assert_int_equal(reply.request, CG_REQUEST_BATCH);
    assert_int_equal(reply.count, 2);
    assert_int_equal(cg_node_partition(used.nodes[0], 0).last_sequence, 2);
    cg_reply again = world_reply(&around, 0, batch);
    assert_memory_equal(&reply, &again, sizeof reply);
    batch.id = 2;
    for (int repeat = 0; repeat < 2; repeat++) {
        again = world_reply(&around, 0, batch);
        assert_int_equal(again.status, CG_ERROR_FULL);
        assert_int_equal(again.request, CG_REQUEST_BATCH);
        assert_int_equal(again.count, 0);
    }
    assert_int_equal(world_reply(&around, 0, removal_of(3, 1 | UINT64_C(1) << 48)).status,
                     CG_OK);
    assert_int_equal(slots_taken(&used, 0), 1);
    assert_int_equal(world_reply(&around, 0, removal_of(4, 1 | UINT64_C(2) << 48)).status,
                     CG_ERROR_NOT_FOUND);
    assert_int_equal(world_reply(&around, 0, removal_of(5, 1)).status, CG_OK);
    assert_int_equal(slots_taken(&used, 0), 0);
    assert_int_equal(world_reply(&around, 0, batch).status, CG_ERROR_FULL); /* for good */
    batch.id = 6;
    assert_int_equal(world_reply(&around, 0, batch).count, 2);
    for (uint32_t i = 0; i < 3; i++) {
        free(big[i]);
    }
    free(bytes);
    world_free(&around);
    free_rig(&used);
}

/* Goal: what is no batch is refused whole, with the reason. */
static void test_batch_refused(void **state) {
    (void)state;
    rig used = make_rig(1);
    uint64_t hash = hash_of(&used, 0, 0);
    uint8_t bytes[64];
    size_t size = batch_bytes(texts, 2, bytes, sizeof bytes);
    (void)assert_refused(&used, 0, batch_of(1, bytes, 0), CG_ERROR_INVALID, "no facts");
    for (size_t cut = 1; cut < size; cut++) {
        if (cut != 4 + strlen(texts[0])) {
            (void)assert_refused(&used, 0, batch_of(1, bytes, cut), CG_ERROR_INVALID,
                                 cut < 4 + strlen(texts[0]) ? "fact 1 of the batch is cut off"
                                                            : "fact 2 of the batch is cut off");
        }
    }
    memset(bytes, 0xff, 4);
    (void)assert_refused(&used, 0, batch_of(1, bytes, size), CG_ERROR_INVALID, "4294967295");
    const char *bad[] = {"w17a", "bad \xff", "w18a"};
    size = batch_bytes(bad, 3, bytes, sizeof bytes);
    (void)assert_refused(&used, 0, batch_of(1, bytes, size), CG_ERROR_INVALID,
                         "fact 2 of the batch");
    static uint8_t many[(CG_BATCH_FACTS_MAX + 1) * 5];
    for (size_t i = 0; i <= CG_BATCH_FACTS_MAX; i++) {
        many[5 * i] = 1;
        many[5 * i + 4] = 'x';
    }
    (void)assert_refused(&used, 0, batch_of(1, many, sizeof many), CG_ERROR_INVALID, "1024");
    assert_int_equal(hash_of(&used, 0, 0), hash);
    assert_int_equal(statistics_of(&used, 0).allocations, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    free_rig(&used);
}

/* --- removals ------------------------------------------------------------------------------ */

/* Goal: a fact goes back at its primary, asked for there or at another host, once; the replica
 * follows. */
static void test_remove(void **state) {
    (void)state;
    for (uint32_t remote = 0; remote < 2; remote++) {
        rig used = make_rig(2);
        world around = world_of(&used);
        uint64_t fact = id_in(1, 2, 1);
        uint64_t id = id_in(remote ? 1 : 0, 2, 2); /* goes where the fact is all the same */
        uint32_t at = remote ? 0 : 1;
        cg_reply stored = world_reply(&around, 0, allocate_of(fact, texts[0]));
        assert_int_equal(stored.status, CG_OK);
        cg_reply reply = world_reply(&around, at, removal_of(id, fact));
        assert_int_equal(reply.status, CG_OK);
        assert_int_equal(reply.request, CG_REQUEST_DEALLOCATE);
        assert_int_equal(reply.host, 1);
        assert_int_equal(reply.count, 1);
        assert_int_equal(reply.tries, remote);
        assert_true(reply.fact_id == stored.fact_id);
        assert_true(reply.slot == CG_SLOT_NONE);
        assert_int_equal(slots_taken(&used, 1), 0);
        assert_int_equal(statistics_of(&used, 1).removals, 1);
        assert_int_equal(cg_node_partition(used.nodes[1], 1).last_sequence, 2);
        cg_reply again = world_reply(&around, at, removal_of(id, fact));
        assert_memory_equal(&reply, &again, sizeof reply);
        reply = world_reply(&around, at, removal_of(id + 1000, fact));
        assert_int_equal(reply.status, CG_ERROR_NOT_FOUND);
        assert_int_equal(reply.request, CG_REQUEST_DEALLOCATE);
        again = world_reply(&around, at, removal_of(id + 1000, fact));
        assert_int_equal(again.status, CG_ERROR_NOT_FOUND);
        assert_int_equal(world_reply(&around, at, removal_of(id + 2000, id_in(1, 2, 9))).status,
                         CG_ERROR_NOT_FOUND);
        assert_int_equal(statistics_of(&used, 1).removals, 1);
        assert_int_equal(cg_node_partition(used.nodes[1], 1).last_sequence, 2);
        assert_true(hash_of(&used, 0, 1) == hash_of(&used, 1, 1));
        assert_true(cg_node_idle(used.nodes[0]) && cg_node_idle(used.nodes[1]));
        world_free(&around);
        free_rig(&used);
    }
}

/* Goal: a request whose primary is silent ends as what it was. */
static void test_timeout_names_its_kind(void **state) {
    (void)state;
    rig used = make_rig(2);
    uint8_t bytes[64];
    cg_event events[] = {
        allocate_of(id_in(1, 2, 1), texts[0]),
        batch_of(id_in(1, 2, 2), bytes, batch_bytes(texts, 2, bytes, sizeof bytes)),
        removal_of(id_in(1, 2, 3), id_in(1, 2, 1)),
    };
    for (size_t i = 0; i < 3; i++) {
        const cg_outputs *outputs = step(&used, 0, events[i]);
        while (count_of(outputs, CG_OUTPUT_TIMER) > 0) {
            taken wake = take(outputs, CG_OUTPUT_TIMER);
            used.now_ns = wake.output.at_ns;
            free(wake.bytes);
            outputs = timer(&used, 0, wake.output.id);
        }
        cg_reply reply = take_reply(outputs);
        assert_int_equal(reply.status, CG_ERROR_TIMEOUT);
        assert_int_equal(reply.request, events[i].request);
    }
    free_rig(&used);
}

/* A node with a fact at concept 17 that a recall, which is not paid yet, has pinned. */
static rig with_pinned_fact(uint32_t tries, cg_output *done) {
    cg_node_options options = options_for(1, 0);
    options.service.conflict_tries = tries;
    options.service.conflict_ns = 1000;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    assert_int_equal(world_reply(&around, 0, allocate_of(1, texts[0])).winner, 17);
    uint8_t keys[8];
    assert_int_equal(
        take_reply(step(&used, 0, recall_of(2, (const uint64_t[]){17}, 1, 0, keys))).count, 1);
    *done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_int_equal(pins_of(used.nodes[0]), 1);
    world_free(&around);
    return used;
}

/* Goal: a fact that is read is not removed meanwhile; the removal is tried again, and meanwhile
 * open. */
static void test_conflict_then_removed(void **state) {
    (void)state;
    cg_output done;
    rig used = with_pinned_fact(5, &done);
    cg_output again = timer_of(step(&used, 0, removal_of(3, 1)), CG_TIMER_AGAIN);
    assert_int_equal(used.outputs[0].count, 1);
    assert_int_equal(again.at_ns, used.now_ns + 1000);
    (void)assert_refused(&used, 0, removal_of(3, 1), CG_ERROR_EXISTS, "is open");
    assert_false(cg_node_idle(used.nodes[0]));
    used.now_ns = again.at_ns;
    again = timer_of(timer(&used, 0, again.id), CG_TIMER_AGAIN);
    assert_int_equal(again.at_ns, used.now_ns + 2000);
    assert_int_equal(timer(&used, 0, done.id)->count, 0);
    assert_int_equal(pins_of(used.nodes[0]), 0);
    used.now_ns = again.at_ns;
    taken write = take(timer(&used, 0, again.id), CG_OUTPUT_WRITE);
    assert_int_equal(used.outputs[0].count, 1);
    assert_int_equal(timer(&used, 0, again.id)->count, 0);
    cg_reply reply = take_reply(storage_done(&used, 0, write.output.id));
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.request_id, 3);
    assert_int_equal(slots_taken(&used, 0), 0);
    assert_int_equal(statistics_of(&used, 0).conflicts, 2);
    assert_true(cg_node_idle(used.nodes[0]));
    free(write.bytes);
    free_rig(&used);
}

/* Goal: after conflict_tries, each twice as long after the one before, the client is told, for
 * good. */
static void test_conflict_given_up(void **state) {
    (void)state;
    cg_output done;
    rig used = with_pinned_fact(4, &done);
    cg_error error;
    const cg_outputs *outputs = step_told(&used, 0, removal_of(3, 1), &error);
    for (uint32_t k = 0; k < 3; k++) {
        cg_output again = timer_of(outputs, CG_TIMER_AGAIN);
        assert_int_equal(outputs->count, 1);
        assert_int_equal(again.at_ns, used.now_ns + (UINT64_C(1000) << k));
        used.now_ns = again.at_ns;
        outputs =
            step_told(&used, 0, (cg_event){.kind = CG_EVENT_TIMER, .id = again.id}, &error);
    }
    assert_status(take_reply(outputs).status, CG_ERROR_CONFLICT, error, "read by 1 recalls");
    assert_int_equal(outputs->count, 1);
    assert_int_equal(statistics_of(&used, 0).conflicts, 4);
    assert_int_equal(timer(&used, 0, done.id)->count, 0);
    (void)assert_refused(&used, 0, removal_of(3, 1), CG_ERROR_CONFLICT, "turned down before");
    assert_int_equal(count_of(step(&used, 0, removal_of(4, 1)), CG_OUTPUT_WRITE), 1);
    free_rig(&used);
}

/* Goal: a fact that others hang below is needed. */
static void test_facts_below(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.conflict_tries = 2;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    (void)world_reply(&around, 0, allocate_of(1, "zebra yak xylophone w17a"));
    cg_reply below = world_reply(&around, 0, allocate_of(2, "zebra yak xylophone"));
    assert_int_equal(below.winner, SUPPORT_CONCEPTS); /* the first fact's row */
    assert_int_equal(world_reply(&around, 0, removal_of(3, 1)).status, CG_ERROR_CONFLICT);
    assert_int_equal(world_reply(&around, 0, removal_of(4, 2)).status, CG_OK);
    assert_int_equal(world_reply(&around, 0, removal_of(5, 1)).status, CG_OK);
    assert_int_equal(slots_taken(&used, 0), 0);
    world_free(&around);
    free_rig(&used);
}

/* --- the decision cache -------------------------------------------------------------------- */

static const cg_reply *cached(world *around, uint64_t id, const char *text, uint32_t hit) {
    static cg_reply reply;
    reply = world_reply(around, 0, allocate_of(id, text));
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.cached, hit);
    return &reply;
}

static void test_decision_cache(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.cache_entries = 8;
    options.service.cache_ttl_ns = 10 * MS;
    rig used = make_rig_with(1, &options);
    world around = world_of(&used);
    cg_event audited = allocate_of(1, texts[0]);
    audited.flags = CG_REQUEST_AUDIT;
    cg_reply first = world_reply(&around, 0, audited);
    assert_true(first.audited && first.agreed && !first.cached);
    cg_reply again = *cached(&around, 2, texts[0], 1);
    assert_int_equal(again.winner, first.winner);
    assert_true(again.pathway_id == first.pathway_id);
    assert_true(again.fact_id == first.fact_id + 1);
    assert_true(again.slot != first.slot && again.slot != CG_SLOT_NONE);
    assert_int_equal(again.audited, 0);
    assert_int_equal(again.agreed, 0);
    (void)cached(&around, 3, "w17a  w17b", 0); /* another text */
    used.now_ns += 10 * MS - 1;
    (void)cached(&around, 4, texts[0], 1);
    used.now_ns += 1;
    (void)cached(&around, 5, texts[0], 0); /* too old */
    (void)cached(&around, 6, texts[0], 1);

    cg_event lesson = allocate_of(7, texts[0]); /* decided anew; then all is */
    lesson.flags = CG_REQUEST_LABELLED;
    lesson.label = 17;
    assert_int_equal(world_reply(&around, 0, lesson).cached, 0);
    (void)cached(&around, 8, texts[0], 0);
    (void)cached(&around, 9, texts[0], 1);

    const char *first_text = "zebra yak xylophone w90a";
    const char *below = "zebra yak xylophone";
    uint32_t row = cg_graph_concept_count(used.nodes[0]->spaces[0].holdings[0].partition.graph);
    (void)cached(&around, 20, first_text, 0);
    assert_int_equal(cached(&around, 21, below, 0)->winner, row);
    assert_int_equal(cached(&around, 22, below, 1)->winner, row);
    for (uint64_t id = 21; id <= 22; id++) {
        assert_int_equal(world_reply(&around, 0, removal_of(id + 10, id)).status, CG_OK);
    }
    assert_int_equal(world_reply(&around, 0, removal_of(30, 20)).status, CG_OK);
    assert_true(cached(&around, 23, below, 0)->winner != row); /* its target is gone */
    (void)cached(&around, 24, texts[0], 1);                    /* the others are not */
    world_free(&around);
    free_rig(&used);
}

/* --- group commit -------------------------------------------------------------------------- */

/* Goal: while a write is under way records gather; then they go in one, and are answered in
 * order. A token of records that the disk has not been given makes nothing durable. */
static void test_group_commit(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.writes_max = 1;
    rig used = make_rig_with(1, &options);
    taken first = take(request(&used, 0, 1, texts[0]), CG_OUTPUT_WRITE);
    for (uint64_t id = 2; id <= 4; id++) {
        assert_int_equal(request(&used, 0, id, texts[id - 1])->count, 0);
    }
    assert_int_equal(storage_done(&used, 0, cg_write_token(0, 3))->count, 0);
    assert_int_equal(cg_node_partition(used.nodes[0], 0).durable_sequence, 0);
    taken second = take(storage_done(&used, 0, first.output.id), CG_OUTPUT_WRITE);
    assert_int_equal(used.outputs[0].count, 2);
    assert_int_equal(take_reply(&used.outputs[0]).request_id, 1);
    assert_true(second.output.id == cg_write_token(0, 2));
    static cg_log_buffers buffers;
    assert_int_equal(frames_in(&second), 3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(record_in(&second, 0, i, &buffers).request_id, i + 2);
    }
    assert_int_equal(request(&used, 0, 5, texts[0])->count, 0);
    assert_int_equal(storage_done(&used, 0, first.output.id)->count, 0); /* told twice */
    const cg_outputs *outputs = storage_done(&used, 0, second.output.id);
    assert_int_equal(outputs->count, 4);
    uint64_t next = 2;
    for (size_t i = 0; i < 4; i++) {
        if (outputs->items[i].kind == CG_OUTPUT_REPLY) {
            assert_int_equal(outputs->items[i].reply.request_id, next++);
        }
    }
    assert_int_equal(next, 5);
    assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 1);
    free(first.bytes);
    free(second.bytes);
    free_rig(&used);
}

/* Goal: a later write that is durable makes the earlier ones so; the disk is free then, and none
 * of the writes is waited for for ever. */
static void test_writes_done_together(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.writes_max = 2;
    rig used = make_rig_with(1, &options);
    for (uint64_t id = 1; id <= 8; id += 4) {
        uint64_t tokens[2];
        for (uint32_t i = 0; i < 2; i++) {
            taken write = take(request(&used, 0, id + i, texts[i]), CG_OUTPUT_WRITE);
            tokens[i] = write.output.id;
            free(write.bytes);
        }
        assert_int_equal(request(&used, 0, id + 2, texts[2])->count, 0);
        taken last = take(storage_done(&used, 0, tokens[1]), CG_OUTPUT_WRITE);
        assert_int_equal(count_of(&used.outputs[0], CG_OUTPUT_REPLY), 2);
        assert_int_equal(storage_done(&used, 0, tokens[0])->count, 0);
        assert_int_equal(take_reply(storage_done(&used, 0, last.output.id)).request_id, id + 2);
        assert_true(cg_node_idle(used.nodes[0]));
        assert_int_equal(used.nodes[0]->spaces[0].holdings[0].writes, 0);
        free(last.bytes);
    }
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_in_order),
        cmocka_unit_test(test_batch_partial),
        cmocka_unit_test(test_batch_refused),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_timeout_names_its_kind),
        cmocka_unit_test(test_conflict_then_removed),
        cmocka_unit_test(test_conflict_given_up),
        cmocka_unit_test(test_facts_below),
        cmocka_unit_test(test_decision_cache),
        cmocka_unit_test(test_group_commit),
        cmocka_unit_test(test_writes_done_together),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
