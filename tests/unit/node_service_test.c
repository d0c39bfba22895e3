/* Goal: a node lets in as many requests as it has permits, lets others wait in their order, and
 * sheds the rest at once, with a sentence; who waits keeps his request, whatever becomes of the
 * caller's bytes; a permit comes back with the timer that ends the work, once. (B4)
 */
#include "tests/support/service.h"

static rig with_permits(uint32_t hosts, uint32_t permits, uint32_t queue_max) {
    cg_node_options options = options_for(hosts, 0);
    options.service.permits = permits;
    options.service.queue_max = queue_max;
    return make_rig_with(hosts, &options);
}

static cg_node_statistics statistics_of(const rig *used, uint32_t host) {
    return cg_node_statistics_of(used->nodes[host]);
}

/* Goal: the second request waits, with its own copy of its bytes, until the first one's work is
 * paid; that its record is durable and answered is not enough. Ends that were told before, or of
 * items that are no more, end nothing. */
static void test_permit_is_held_until_paid(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 8);
    taken write = take(request(&used, 0, 1, "w20a w20b"), CG_OUTPUT_WRITE);
    cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_int_equal(done.at_ns, used.now_ns);
    assert_int_equal(used.outputs[0].count, 2);

    char text[] = "fact, of w17a w17b w4a";
    assert_int_equal(step(&used, 0, allocate_of(2, text))->count, 0);
    memset(text, 'x', sizeof text - 1);
    assert_int_equal(statistics_of(&used, 0).admission.running, 1);
    assert_int_equal(statistics_of(&used, 0).admission.waiting, 1);
    assert_int_equal(take_reply(storage_done(&used, 0, write.output.id)).request_id, 1);
    assert_int_equal(used.outputs[0].count, 1);
    assert_false(cg_node_idle(used.nodes[0]));

    assert_int_equal(timer(&used, 0, done.id + 1)->count, 0); /* an item that never was */
    assert_int_equal(timer(&used, 0, done.id + (UINT64_C(1) << 24))->count, 0);
    used.now_ns += 5 * MS;
    taken second = take(timer(&used, 0, done.id), CG_OUTPUT_WRITE);
    cg_output end = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_true(end.id != done.id);
    assert_int_equal(timer(&used, 0, done.id)->count, 0); /* told before */
    assert_int_equal(statistics_of(&used, 0).admission.running, 1);
    assert_int_equal(statistics_of(&used, 0).admission.longest_wait_ns, 5 * MS);
    static cg_log_buffers buffers;
    cg_log_record record = record_in(&second, 0, 0, &buffers);
    assert_int_equal(record.request_id, 2);
    assert_memory_equal(record.text, "fact, of w17a w17b w4a", 22);
    assert_int_equal(take_reply(storage_done(&used, 0, second.output.id)).winner, 17);
    assert_false(cg_node_idle(used.nodes[0]));
    assert_int_equal(timer(&used, 0, end.id)->count, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    assert_int_equal(timer(&used, 0, end.id)->count, 0);
    assert_int_equal(statistics_of(&used, 0).admission.done, 2);
    free(write.bytes);
    free(second.bytes);
    free_rig(&used);
}

/* Goal: every kind waits, and is then served as if it had not. */
static void test_every_kind_waits(void **state) {
    (void)state;
    cg_reply replies[2][4];
    for (uint32_t waits = 0; waits < 2; waits++) {
        rig used = with_permits(1, waits ? 1 : 0, 64);
        world around = world_of(&used);
        const char *texts[] = {"w20a w20b", "w21a w21b"};
        uint8_t batch[64];
        uint8_t keys[16];
        cg_event events[] = {
            allocate_of(1, "w17a w17b"),
            batch_of(2, batch, batch_bytes(texts, 2, batch, sizeof batch)),
            removal_of(3, 1),
            recall_of(4, (const uint64_t[]){20, 3}, 2, 2, keys),
        };
        for (uint32_t i = 0; i < 4; i++) {
            world_ask(&around, 0, events[i]);
            assert_int_equal(items_in(used.nodes[0], CG_ITEM_WAITING), waits ? i : 0);
        }
        memset(batch, 0xff, sizeof batch);
        memset(keys, 0xff, sizeof keys);
        world_run(&around);
        assert_int_equal(around.reply_count, 4);
        for (uint32_t i = 0; i < 4; i++) {
            replies[waits][around.replies[i].reply.request_id - 1] = around.replies[i].reply;
        }
        assert_true(cg_node_idle(used.nodes[0]));
        assert_int_equal(cg_node_partition(used.nodes[0], 0).last_sequence, 4);
        world_free(&around);
        free_rig(&used);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(replies[0][i].status, CG_OK);
        assert_int_equal(replies[0][i].request, i);
        assert_memory_equal(&replies[0][i], &replies[1][i], sizeof(cg_reply));
    }
    assert_int_equal(replies[0][1].count, 2);
    assert_int_equal(replies[0][2].count, 1);
    assert_int_equal(replies[0][3].count, 2);
}

/* Goal: who finds neither permit nor place is told so in the same step, leaves no trace, and may
 * come again. */
static void test_shed_at_once(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 0);
    const char *texts[] = {"fact of w20a"};
    uint8_t batch[64];
    uint8_t keys[8];
    cg_event events[] = {
        allocate_of(2, "fact of w17a w17b"),
        batch_of(3, batch, batch_bytes(texts, 1, batch, sizeof batch)),
        removal_of(4, 1),
        recall_of(5, (const uint64_t[]){20}, 1, 0, keys),
    };
    taken write = take(request(&used, 0, 1, "fact of w20a"), CG_OUTPUT_WRITE);
    cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    uint64_t hash = hash_of(&used, 0, 0);
    for (int repeat = 0; repeat < 2; repeat++) {
        for (size_t i = 0; i < 4; i++) {
            cg_reply reply = assert_refused(&used, 0, events[i], CG_ERROR_OVERLOADED,
                                            "overloaded: 1 requests run and 0 wait");
            assert_int_equal(used.outputs[0].count, 1);
            assert_true(reply.slot == CG_SLOT_NONE);
        }
    }
    assert_int_equal(hash_of(&used, 0, 0), hash);
    assert_int_equal(statistics_of(&used, 0).shed, 8);
    assert_int_equal(statistics_of(&used, 0).failed, 0);
    assert_int_equal(statistics_of(&used, 0).duplicates, 0);
    assert_int_equal(items_in(used.nodes[0], CG_ITEM_RUNNING), 1);
    assert_int_equal(items_in(used.nodes[0], CG_ITEM_WAITING), 0);
    storage_done(&used, 0, write.output.id);
    timer(&used, 0, done.id);
    assert_int_equal(statistics_of(&used, 0).admission.running, 0);
    assert_int_equal(count_of(step(&used, 0, events[0]), CG_OUTPUT_WRITE), 1);
    free(write.bytes);
    free_rig(&used);
}

/* Goal: with a bound on the wait, who would wait longer than that is shed though there is place.
 */
static void test_shed_by_forecast(void **state) {
    (void)state;
    cg_node_options options = options_for(1, 0);
    options.service.permits = 1;
    options.service.queue_max = 100;
    options.service.wait_max_ns = 5 * MS;
    rig used = make_rig_with(1, &options);
    for (uint64_t id = 1; id <= 40; id++) { /* services of 4 ms each */
        step(&used, 0, allocate_of(id, "fact of w20a"));
        cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
        used.now_ns += 4 * MS;
        assert_int_equal(timer(&used, 0, done.id)->count, 0);
    }
    assert_int_equal(count_of(step(&used, 0, allocate_of(41, "w20a")), CG_OUTPUT_WRITE), 1);
    assert_int_equal(step(&used, 0, allocate_of(42, "w20a"))->count, 0); /* 4 ms */
    (void)assert_refused(&used, 0, allocate_of(43, "fact of w20a"), CG_ERROR_OVERLOADED,
                         "1 requests run and 1 wait"); /* 8 ms */
    assert_int_equal(statistics_of(&used, 0).admission.shed_wait, 1);
    free_rig(&used);
}

/* Goal: while a request waits its id is taken, whatever is asked for under it; the first request
 * alone is served. */
static void test_duplicate_while_waiting(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 8);
    world around = world_of(&used);
    world_ask(&around, 0, allocate_of(1, "w20a w20b"));
    world_ask(&around, 0, allocate_of(2, "fact, of w17a w17b w4a"));
    (void)assert_refused(&used, 0, allocate_of(2, "w20a w20b"), CG_ERROR_EXISTS,
                         "request 2 is open at this host");
    (void)assert_refused(&used, 0, removal_of(2, 1), CG_ERROR_EXISTS, "request 2 is open");
    (void)assert_refused(&used, 0, allocate_of(1, "w20a w20b"), CG_ERROR_EXISTS,
                         "request 1 is open at this host");
    assert_int_equal(statistics_of(&used, 0).duplicates, 3);
    assert_int_equal(statistics_of(&used, 0).admission.waiting, 1);
    world_run(&around);
    assert_int_equal(around.reply_count, 2);
    assert_int_equal(around.replies[1].reply.winner, 17);
    assert_int_equal(statistics_of(&used, 0).allocations, 2);
    world_free(&around);
    free_rig(&used);
}

/* Goal: urgent before high before normal before low; and within a priority clients take turns. */
static void test_order_of_the_waiting(void **state) {
    (void)state;
    static const struct {
        uint64_t id;
        uint8_t priority;
        uint32_t client;
    } asked[] = {
        {1, CG_PRIORITY_NORMAL, 1}, {2, CG_PRIORITY_LOW, 1},    {3, CG_PRIORITY_NORMAL, 7},
        {4, CG_PRIORITY_NORMAL, 7}, {5, CG_PRIORITY_NORMAL, 7}, {6, CG_PRIORITY_NORMAL, 8},
        {7, CG_PRIORITY_URGENT, 9}, {8, CG_PRIORITY_HIGH, 7},
    };
    static const uint64_t served[] = {1, 7, 8, 3, 6, 4, 5, 2};
    rig used = with_permits(1, 1, 100);
    world around = world_of(&used);
    for (size_t i = 0; i < 8; i++) {
        cg_event event = allocate_of(asked[i].id, "fact of w20a");
        event.priority = asked[i].priority;
        event.client = asked[i].client;
        world_ask(&around, 0, event);
    }
    world_run(&around);
    assert_int_equal(around.reply_count, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(around.replies[i].reply.request_id, served[i]);
    }
    cg_event bad = allocate_of(9, "fact of w20a");
    bad.priority = CG_PRIORITY_COUNT;
    (void)assert_refused(&used, 0, bad, CG_ERROR_INVALID, "priority 4");
    bad = allocate_of(9, "fact of w20a");
    bad.request = CG_REQUEST_KIND_COUNT;
    assert_int_equal(take_reply(step(&used, 0, bad)).status, CG_ERROR_INVALID);
    world_free(&around);
    free_rig(&used);
}

/* Goal: work of another host's clients takes permits too, and waits by its own client and
 * priority; sent again while it waits, it is one; shed, its client is told. */
static void test_work_of_other_hosts(void **state) {
    (void)state;
    rig used = with_permits(2, 1, 2); /* a place for two; by their share one for normal ones */
    uint64_t ids[4];
    taken sent[4];
    for (uint32_t i = 0; i < 4; i++) {
        ids[i] = id_in(1, 2, i + 1);
        cg_event event = allocate_of(ids[i], i == 2 ? "fact, of w17a w17b w4a" : "w20a");
        event.priority = i == 2 ? CG_PRIORITY_URGENT : CG_PRIORITY_NORMAL;
        sent[i] = take(step(&used, 0, event), CG_OUTPUT_SEND);
        cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
        assert_int_equal(timer(&used, 0, done.id)->count, 0);
    }
    assert_int_equal(
        count_of(message(&used, 1, sent[0].bytes, sent[0].output.size_bytes), CG_OUTPUT_WRITE),
        1);
    cg_output done = timer_of(&used.outputs[1], CG_TIMER_DONE);
    for (uint32_t i = 1; i <= 2; i++) {
        assert_int_equal(message(&used, 1, sent[i].bytes, sent[i].output.size_bytes)->count, 0);
        assert_int_equal(message(&used, 1, sent[i].bytes, sent[i].output.size_bytes)->count, 0);
    }
    assert_int_equal(statistics_of(&used, 1).duplicates, 2);
    assert_int_equal(statistics_of(&used, 1).admission.waiting, 2);
    (void)assert_refused(&used, 1, allocate_of(ids[1], "w20a"), CG_ERROR_EXISTS, "is open");
    taken answer =
        take(message(&used, 1, sent[3].bytes, sent[3].output.size_bytes), CG_OUTPUT_SEND);
    assert_int_equal(used.outputs[1].count, 1);
    assert_int_equal(statistics_of(&used, 1).shed, 1);
    cg_reply reply = take_reply(message(&used, 0, answer.bytes, answer.output.size_bytes));
    assert_int_equal(reply.request_id, ids[3]);
    assert_int_equal(reply.status, CG_ERROR_OVERLOADED);
    assert_int_equal(reply.host, 1);
    assert_int_equal(reply.tries, 1);
    assert_int_equal(statistics_of(&used, 0).failed, 0);

    for (uint32_t i = 1; i <= 2; i++) { /* the urgent one first */
        taken write = take(timer(&used, 1, done.id), CG_OUTPUT_WRITE);
        done = timer_of(&used.outputs[1], CG_TIMER_DONE);
        storage_done(&used, 1, write.output.id);
        uint64_t sequence = 0;
        assert_true(cg_node_has_request(used.nodes[1], 1, ids[3 - i], &sequence));
        assert_int_equal(sequence, i + 1);
        free(write.bytes);
    }
    assert_int_equal(timer(&used, 1, done.id)->count, 0);
    assert_int_equal(statistics_of(&used, 1).admission.running, 0);
    for (uint32_t i = 0; i < 4; i++) {
        free(sent[i].bytes);
    }
    free(answer.bytes);
    free_rig(&used);
}

/* Goal: a request that is refused for what it says gives its permit back like any other. */
static void test_refused_requests_end(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 8);
    world around = world_of(&used);
    uint8_t keys[8];
    const cg_event refused[] = {
        allocate_of(1, " ... !"),
        removal_of(2, 77),
        recall_of(3, (const uint64_t[]){SUPPORT_CONCEPTS}, 1, 0, keys),
    };
    const cg_status reasons[] = {CG_ERROR_INVALID, CG_ERROR_NOT_FOUND, CG_ERROR_INVALID};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(world_reply(&around, 0, refused[i]).status, reasons[i]);
        assert_int_equal(statistics_of(&used, 0).admission.running, 0);
    }
    assert_int_equal(statistics_of(&used, 0).admission.done, 3);
    assert_int_equal(statistics_of(&used, 0).failed, 3);
    assert_int_equal(statistics_of(&used, 0).recalls, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    world_free(&around);
    free_rig(&used);
}

/* Goal: timers of items that are not, of other kinds of work, and starts when nobody waits change
 * nothing. */
static void test_stale_timers(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 8);
    world around = world_of(&used);
    (void)world_reply(&around, 0, allocate_of(1, "fact of w20a")); /* item 0, generation 1 */
    request(&used, 0, 2, "fact of w20a");                          /* generation 2 */
    uint64_t hash = hash_of(&used, 0, 0);
    static const uint64_t rests[] = {
        0,                                             /* generation 0 */
        UINT64_C(1) << 24,                             /* 1 */
        UINT64_C(3) << 24,                             /* 3 */
        UINT64_C(2) << 24 | 1,                         /* another item */
        UINT64_C(2) << 24 | ((UINT64_C(1) << 24) - 1), /* the last item */
        (UINT64_C(1) << 60) - 1,
    };
    for (int kind = CG_TIMER_DONE; kind <= CG_TIMER_TICK; kind++) {
        for (size_t i = 0; i < sizeof rests / sizeof *rests; i++) {
            uint64_t id = cg_timer_id((cg_timer_kind)kind, rests[i]);
            assert_int_equal(timer(&used, 0, id)->count, 0);
            assert_int_equal(
                step(&used, 0, (cg_event){.kind = CG_EVENT_READ_DONE, .id = id})->count, 0);
        }
    }
    /* Of this item, but not of work that it does. */
    uint64_t rest = UINT64_C(2) << 24;
    timer(&used, 0, cg_timer_id(CG_TIMER_PART_DONE, rest));
    timer(&used, 0, cg_timer_id(CG_TIMER_AGAIN, rest));
    assert_int_equal(count_of(&used.outputs[0], CG_OUTPUT_REPLY), 0);
    assert_int_equal(hash_of(&used, 0, 0), hash);
    assert_int_equal(statistics_of(&used, 0).admission.running, 1);
    world_free(&around);
    free_rig(&used);
}

/* Goal: with more permits whoever may run runs, in a step of his own; one who comes before those
 * steps does not leave a permit unused. */
static void test_more_permits(void **state) {
    (void)state;
    rig used = with_permits(1, 1, 100);
    world around = world_of(&used);
    for (uint64_t id = 1; id <= 4; id++) {
        world_ask(&around, 0, allocate_of(id, "fact of w20a"));
    }
    cg_error error = {0};
    cg_outputs_reset(&used.outputs[0]);
    assert_ok(cg_admit_permits(used.nodes[0], 6, used.now_ns, &used.outputs[0], &error), error);
    assert_int_equal(count_of(&used.outputs[0], CG_OUTPUT_TIMER), 3);
    assert_int_equal(used.outputs[0].count, 3);
    cg_output start = used.outputs[0].items[0];
    assert_int_equal(cg_timer_kind_of(start.id), CG_TIMER_START);
    uint32_t starts = 3;
    for (uint64_t id = 5; id <= 6; id++) { /* wait, for others do */
        const cg_outputs *outputs = step(&used, 0, allocate_of(id, "fact of w20a"));
        assert_int_equal(count_of(outputs, CG_OUTPUT_WRITE), 0);
        starts += count_of(outputs, CG_OUTPUT_TIMER);
    }
    for (uint32_t i = 0; i < starts; i++) {
        assert_int_equal(count_of(timer(&used, 0, start.id), CG_OUTPUT_WRITE), 1);
        assert_int_equal(statistics_of(&used, 0).admission.running, i + 2);
    }
    assert_int_equal(statistics_of(&used, 0).admission.running, 6);
    assert_int_equal(timer(&used, 0, start.id)->count, 0);
    world_free(&around);
    free_rig(&used);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permit_is_held_until_paid),
        cmocka_unit_test(test_every_kind_waits),
        cmocka_unit_test(test_shed_at_once),
        cmocka_unit_test(test_shed_by_forecast),
        cmocka_unit_test(test_duplicate_while_waiting),
        cmocka_unit_test(test_order_of_the_waiting),
        cmocka_unit_test(test_work_of_other_hosts),
        cmocka_unit_test(test_refused_requests_end),
        cmocka_unit_test(test_stale_timers),
        cmocka_unit_test(test_more_permits),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
