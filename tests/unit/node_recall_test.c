/* Goal: a recall reads its keys, and what they lead to, through the tiers; it is cut to its
 * budget, spread over cores and store, and followed by what is likely next. (B4, D3, D4, D7)
 */
#include "tests/support/service.h"

enum { KEYS_MOST = 64 };

static uint64_t next_id;

/* The recall's reply, when all that comes of it has come. */
static cg_reply recalled(world *around, const uint64_t *keys, uint32_t count, uint32_t hops) {
    uint8_t bytes[KEYS_MOST * 8];
    return world_reply(around, 0, recall_of(++next_id, keys, count, hops, bytes));
}

static cg_node_statistics statistics_of(const rig *used) {
    return cg_node_statistics_of(used->nodes[0]);
}

static uint64_t reads_of(const rig *used) {
    cg_tier_statistics tiers = statistics_of(used).tiers;
    return tiers.reads[0] + tiers.reads[1] + tiers.reads[2];
}

static uint32_t level_of(const rig *used, uint64_t key) {
    return cg_tiers_where(used->nodes[0]->tiers, key, 0);
}

/* Brings keys first .. first + count - 1 into the tiers, in this order. */
static void warm(world *around, uint64_t first, uint32_t count) {
    for (uint64_t key = first; key < first + count; key++) {
        assert_int_equal(recalled(around, &key, 1, 0).status, CG_OK);
    }
}

/* --- keys ---------------------------------------------------------------------------------- */

static void test_keys_refused(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    rig used = keys_rig(&options);
    uint8_t bytes[16];
    const uint64_t beyond[] = {RIG_KEYS - 1, RIG_KEYS};
    (void)assert_refused(&used, 0, recall_of(1, beyond, 2, 0, bytes), CG_ERROR_INVALID,
                         "key 1000 does not exist; there are 1000");
    (void)assert_refused(&used, 0, recall_of(1, beyond, 1, 17, bytes), CG_ERROR_INVALID,
                         "17 hops; at most 16");
    cg_event event = recall_of(1, beyond, 1, 0, bytes);
    event.size_bytes = 0;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "0 bytes of keys");
    event.size_bytes = 12;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "12 bytes of keys");
    static uint8_t many[(CG_RECALL_KEYS_MAX + 1) * 8];
    event = recall_of(1, beyond, 1, 0, bytes);
    event.bytes = many;
    event.size_bytes = sizeof many;
    (void)assert_refused(&used, 0, event, CG_ERROR_INVALID, "65536");
    (void)assert_refused(&used, 0, removal_of(1, 1), CG_ERROR_INVALID, "without texts");
    (void)assert_refused(&used, 0, allocate_of(1, "w20a"), CG_ERROR_INVALID, "without texts");
    (void)assert_refused(&used, 0, batch_of(1, bytes, 8), CG_ERROR_INVALID, "without texts");
    assert_int_equal(reads_of(&used), 0);
    assert_int_equal(statistics_of(&used).recalls, 0);
    assert_true(cg_node_idle(used.nodes[0]));
    event.size_bytes = CG_RECALL_KEYS_MAX * 8;
    assert_int_equal(take_reply(step(&used, 0, event)).count, CG_RECALL_KEYS_MAX);
    free_rig(&used);

    /* A key is the id of its READ, which is no timer's. */
    const uint64_t none[] = {0, (UINT64_C(1) << 63) + 1};
    for (size_t i = 0; i < 2; i++) {
        cg_error error = {0};
        cg_node *node = NULL;
        options.keys = none[i];
        assert_status(cg_node_alloc(&options, NULL, cg_allocator_heap(), &node, &error),
                      CG_ERROR_INVALID, error, "keys without content");
    }
}

/* Goal: hops are followed, each read is charged to the tier that served it, and brings its key
 * into the faster ones. */
static void test_hops(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    rig used = keys_rig(&options);
    uint64_t chain[4] = {5};
    for (uint32_t i = 1; i < 4; i++) {
        chain[i] = cg_hash_u64(chain[i - 1], 0) % RIG_KEYS;
    }
    uint8_t bytes[8];
    const cg_outputs *outputs = step(&used, 0, recall_of(1, chain, 1, 3, bytes));
    assert_int_equal(outputs->count, 1);
    cg_reply reply = take_reply(outputs);
    assert_int_equal(reply.status, CG_OK);
    assert_int_equal(reply.count, 1);
    assert_int_equal(reply.request, CG_REQUEST_RECALL);
    assert_int_equal(reply.forecast_ns, 0);
    assert_true(reply.slot == CG_SLOT_NONE);
    assert_int_equal(outputs->work.operations[CG_WORK_TIER_STORE], 4);
    assert_int_equal(outputs->work.units[CG_WORK_TIER_STORE], 4 * 64);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(level_of(&used, chain[i]), 0);
    }
    outputs = step(&used, 0, recall_of(2, chain, 1, 2, bytes));
    assert_int_equal(outputs->work.operations[CG_WORK_TIER_STORE], 0);
    assert_int_equal(outputs->work.operations[CG_WORK_TIER_L1], 3);
    assert_int_equal(reads_of(&used), 7);
    free_rig(&used);
}

/* Goal: a recall in a graph goes up to hypernyms, and reads the newest facts below each, which stay
 * pinned until it is paid; the largest one does not run out of pins. */
static void test_facts_are_pinned(void **state) {
    (void)state;
    rig used = make_rig(1);
    world around = world_of(&used);
    for (uint64_t id = 1; id <= 10; id++) {
        cg_event event = allocate_of(id, "w17a w17b");
        event.flags = CG_REQUEST_LABELLED;
        event.label = 17;
        (void)world_reply(&around, 0, event);
    }
    assert_int_equal(world_reply(&around, 0, removal_of(11, 10)).status, CG_OK);
    uint8_t bytes[8];
    uint64_t before = reads_of(&used);
    const uint64_t child = 17 * 4 + 1;
    step(&used, 0,
         recall_of(20, &child, 1, 2, bytes)); /* it, 17, 4; and eight of nine below 17 */
    cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_int_equal(reads_of(&used) - before, 3 + 8);
    assert_int_equal(pins_of(used.nodes[0]), 8);
    assert_int_equal(
        cg_pools_pins(used.nodes[0]->spaces[0].holdings[0].partition.pools,
                      cg_partition_slot(&used.nodes[0]->spaces[0].holdings[0].partition, 1)),
        0);
    timer(&used, 0, done.id);
    assert_int_equal(pins_of(used.nodes[0]), 0);
    before = reads_of(&used);
    step(&used, 0, recall_of(21, &child, 1, 0, bytes));
    assert_int_equal(reads_of(&used) - before, 1);
    assert_int_equal(used.outputs[0].count, 1); /* nothing pinned: it ends with its step */

    cg_event event = recall_of(22, &child, 1, 1, bytes);
    uint8_t *many = malloc(CG_RECALL_KEYS_MAX * 8);
    assert_non_null(many);
    for (size_t i = 0; i < CG_RECALL_KEYS_MAX; i++) {
        memcpy(many + 8 * i, bytes, 8);
    }
    event.bytes = many;
    event.size_bytes = CG_RECALL_KEYS_MAX * 8;
    step(&used, 0, event);
    assert_int_equal(take_reply(&used.outputs[0]).count, CG_RECALL_KEYS_MAX);
    assert_int_equal(pins_of(used.nodes[0]), 8);
    done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    timer(&used, 0, done.id);
    assert_int_equal(pins_of(used.nodes[0]), 0);
    assert_true(cg_node_idle(used.nodes[0]));
    free(many);
    world_free(&around);
    free_rig(&used);
}

/* --- forecast and budget ------------------------------------------------------------------- */

/* Goal: what is over its budget loses keys, far over it its hops, and says so; what is within it,
 * or has nothing to lose, is whole. */
static void test_budget(void **state) {
    (void)state;
    uint64_t keys[KEYS_MOST];
    for (uint32_t i = 0; i < KEYS_MOST; i++) {
        keys[i] = 15 * i;
    }
    uint64_t whole_ns = 0;
    for (uint32_t part = 0; part < 5; part++) {
        cg_node_options options = keys_options();
        options.service.forecasts = true;
        /* without a budget, then of 1.25, 0.75 and 0.4 of the forecast */
        options.service.budget_ns = part == 0   ? 0
                                    : part == 1 ? whole_ns * 5 / 4
                                    : part == 2 ? whole_ns * 3 / 4
                                                : whole_ns * 2 / 5;
        uint32_t hops = part == 4 ? 0 : 2;
        rig used = keys_rig(&options);
        uint8_t bytes[sizeof keys];
        cg_reply reply = take_reply(step(&used, 0, recall_of(1, keys, KEYS_MOST, hops, bytes)));
        (void)timer_of(&used.outputs[0], CG_TIMER_DONE); /* the forecast learns at its end */
        assert_true(reply.forecast_ns > 0);
        if (part == 0) {
            whole_ns = reply.forecast_ns;
        }
        bool is_cut = part == 2 || part == 3;
        assert_int_equal(reply.status, is_cut ? CG_ERROR_PARTIAL : CG_OK);
        assert_int_equal(statistics_of(&used).partial, is_cut);
        if (part <= 1) {
            assert_true(reply.forecast_ns == whole_ns);
        } else if (part == 2) {
            assert_true(reply.forecast_ns <= options.service.budget_ns);
            assert_true(reply.forecast_ns > whole_ns / 2);
            assert_in_range(reply.count, KEYS_MOST / 2, KEYS_MOST - 1);
        }
        if (part != 2) {
            assert_int_equal(reply.count, KEYS_MOST);
        }
        assert_int_equal(reads_of(&used), reply.count * (part < 3 ? hops + 1 : 1));
        free_rig(&used);
    }
}

/* Goal: a forecast counts what the request has waited already; and it learns. */
static void test_forecast(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.forecasts = true;
    options.service.permits = 1;
    options.service.queue_max = 8;
    rig used = keys_rig(&options);
    uint8_t bytes[8];
    const uint64_t key = 7;
    cg_reply first = take_reply(step(&used, 0, recall_of(1, &key, 1, 0, bytes)));
    cg_output done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_int_equal(step(&used, 0, recall_of(2, &key, 1, 0, bytes))->count, 0);
    assert_int_equal(step(&used, 0, recall_of(3, &key, 1, 0, bytes))->count, 0);
    used.now_ns += 50 * MS;
    cg_reply second = take_reply(timer(&used, 0, done.id));
    done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    assert_true(first.forecast_ns > 0 && first.forecast_ns < 50 * MS);
    assert_true(second.forecast_ns > 50 * MS);
    used.now_ns += 1000;
    cg_reply third = take_reply(timer(&used, 0, done.id));
    done = timer_of(&used.outputs[0], CG_TIMER_DONE);
    used.now_ns += 1000;
    timer(&used, 0, done.id);
    assert_true(third.forecast_ns > 50 * MS + 1000);
    assert_int_equal(cg_forecast_statistics_of(used.nodes[0]->forecast).count, 3);
    for (uint64_t id = 4; id < 200; id++) { /* each takes 3 us */
        cg_reply reply = take_reply(step(&used, 0, recall_of(id, &key, 1, 0, bytes)));
        done = timer_of(&used.outputs[0], CG_TIMER_DONE);
        used.now_ns += 3000;
        timer(&used, 0, done.id);
        if (id > 100) {
            assert_in_range(reply.forecast_ns, 2400, 3600);
        }
    }
    free_rig(&used);
}

/* --- batches ------------------------------------------------------------------------------- */

static cg_outputs *kept; /* of the last step */

/* The ids of the outputs of a kind, in order. */
static uint32_t ids_of(cg_output_kind kind, uint64_t *ids) {
    uint32_t count = 0;
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->items[i].kind == kind) {
            ids[count++] = kept->items[i].id;
        }
    }
    return count;
}

static void read_done(rig *used, uint64_t id) {
    step(used, 0, (cg_event){.kind = CG_EVENT_READ_DONE, .id = id});
}

/* Runs the parts of a phase, from the last to the first, and then ends all: what the ends put
 * out is kept. */
static void run_phase(rig *used, const uint64_t *parts, uint32_t count, cg_work_kind tier,
                      const uint32_t *reads) {
    uint64_t ends[8];
    for (uint32_t i = count; i-- > 0;) {
        timer(used, 0, parts[i]);
        assert_int_equal(kept->work.operations[tier], reads[i]);
        assert_int_equal(kept->count, 1);
        ends[i] = timer_of(kept, CG_TIMER_PART_DONE).id;
    }
    for (uint32_t i = 0; i < count; i++) {
        timer(used, 0, ends[i]);
        if (i + 1 < count) {
            assert_int_equal(kept->count, 0);
        }
    }
}

/* Goal: keys of the store are fetched at once, those of faster tiers are read tier by tier, batch by
 * batch; the answer comes with the last of all, whichever it is. */
static void test_batches(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.batching = true;
    options.service.batch = 4;
    options.service.cores = 4;
    options.tiers[1].capacity = 64; /* what comes from the store drives nothing out */
    for (uint32_t store_last = 0; store_last < 2; store_last++) {
        rig used = keys_rig(&options);
        world around = world_of(&used);
        kept = &used.outputs[0];
        warm(&around, 0, 32); /* 24..31 in the first tier, the others in the second */
        uint64_t keys[26];
        for (uint32_t i = 0; i < 26;
             i++) { /* 10 of the store, 10 of the second, 6 of the first */
            keys[i] = i < 10 ? 100 + i : i < 20 ? i - 10 : 4 + i;
        }
        uint8_t bytes[sizeof keys];
        step(&used, 0, recall_of(999, keys, 26, 0, bytes));
        uint64_t fetches[8];
        uint64_t parts[8];
        assert_int_equal(ids_of(CG_OUTPUT_READ, fetches), 3);
        assert_int_equal(kept->items[0].read_bytes, 4 * 64);
        assert_int_equal(kept->items[2].read_bytes, 2 * 64);
        assert_int_equal(ids_of(CG_OUTPUT_TIMER, parts), 2);
        assert_int_equal(kept->count, 5);
        read_done(&used, fetches[2]); /* paid by the READ */
        assert_int_equal(kept->work.operations[CG_WORK_TIER_STORE], 0);
        assert_int_equal(level_of(&used, 108), 0);
        if (!store_last) {
            read_done(&used, fetches[0]);
            read_done(&used, fetches[1]);
            assert_int_equal(kept->count, 0);
        }
        timer(&used, 0, parts[1]);
        uint64_t end = timer_of(kept, CG_TIMER_PART_DONE).id;
        timer(&used, 0, parts[0]);
        uint64_t other = timer_of(kept, CG_TIMER_PART_DONE).id;
        assert_true(end != other);
        timer(&used, 0, end);
        assert_int_equal(kept->count, 0);
        timer(&used, 0, other);
        assert_int_equal(ids_of(CG_OUTPUT_TIMER, parts), 3);
        assert_int_equal(kept->count, 3);
        run_phase(&used, parts, 3, CG_WORK_TIER_L2, (const uint32_t[]){4, 4, 2});
        if (store_last) {
            assert_int_equal(kept->count, 0);
            read_done(&used, fetches[0]);
            assert_int_equal(kept->count, 0);
            assert_false(cg_node_idle(used.nodes[0]));
            read_done(&used, fetches[1]);
        }
        cg_reply reply = take_reply(kept);
        assert_int_equal(kept->count, 1);
        assert_int_equal(reply.count, 26);
        assert_int_equal(reply.status, CG_OK);
        assert_int_equal(statistics_of(&used).batches, 3 + 2 + 3);
        assert_int_equal(reads_of(&used), 32 + 26);
        assert_true(cg_node_idle(used.nodes[0]));
        /* No tier has more than a batch, but what the store has is fetched beside the rest. */
        step(&used, 0, recall_of(1000, (const uint64_t[]){100, 200, 201}, 3, 0, bytes));
        assert_int_equal(ids_of(CG_OUTPUT_READ, fetches), 1);
        assert_int_equal(ids_of(CG_OUTPUT_TIMER, parts), 1);
        assert_int_equal(kept->count, 2);
        world_free(&around);
        free_rig(&used);
    }
}

/* Goal: small recalls of one tier are not cut; the largest is, in as many parts as it has keys, and
 * each key is read once. */
static void test_batches_at_the_ends(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.batching = true;
    options.service.batch = 1;
    options.service.cores = 4;
    options.keys = CG_RECALL_KEYS_MAX;
    for (uint32_t levels = 1; levels <= 3; levels += 2) {
        options.tier_levels = levels;
        rig used = keys_rig(&options);
        world around = world_of(&used);
        const uint64_t one = 3;
        assert_int_equal(recalled(&around, &one, 1, 0).count, 1);
        assert_int_equal(statistics_of(&used).batches, 0);
        static uint8_t bytes[CG_RECALL_KEYS_MAX * 8];
        cg_writer writer = cg_writer_init(bytes, sizeof bytes);
        const uint32_t count = levels == 1 ? 2000 : CG_RECALL_KEYS_MAX;
        for (uint64_t i = 0; i < count; i++) {
            cg_write_u64(&writer, i);
        }
        cg_event event = recall_of(++next_id, &one, 1, 0, (uint8_t[8]){0});
        event.bytes = bytes;
        event.size_bytes = count * 8;
        step(&used, 0, event);
        uint64_t *ids = malloc(count * sizeof *ids);
        assert_non_null(ids);
        kept = &used.outputs[0];
        uint32_t fetches = ids_of(CG_OUTPUT_READ, ids);
        uint64_t parts[2];
        uint32_t timers = ids_of(CG_OUTPUT_TIMER, parts);
        assert_int_equal(fetches + timers, count);
        assert_int_equal(timers, levels == 1 ? 0 : 1);
        if (timers == 1) {
            run_phase(&used, parts, 1, CG_WORK_TIER_L1, (const uint32_t[]){1});
        }
        for (uint32_t i = 0; i < fetches; i++) {
            read_done(&used, ids[i]);
            assert_int_equal(kept->count, i + 1 == fetches);
        }
        assert_int_equal(take_reply(kept).count, count);
        assert_int_equal(statistics_of(&used).batches, count);
        assert_true(cg_node_idle(used.nodes[0]));
        free(ids);
        world_free(&around);
        free_rig(&used);
    }
}

/* --- fetching ahead ------------------------------------------------------------------------ */

/* Goal: what has followed a key before is fetched before it is asked for, once, and is there when it
 * is; deliveries of what nobody asked for bring nothing. */
static void test_prefetch(void **state) {
    (void)state;
    cg_node_options options = keys_options();
    options.service.successors = 1024;
    options.service.prefetch = 2;
    rig used = keys_rig(&options);
    world around = world_of(&used);
    const uint64_t cycle[] = {1, 2, 3, 4};
    for (uint32_t i = 0; i < 16; i++) {
        assert_int_equal(recalled(&around, &cycle[i % 4], 1, 0).count, 1);
    }
    uint32_t reads = around.reads;
    for (uint64_t key = 100; key < 164; key++) { /* another client's, to empty the tiers */
        uint8_t bytes[8];
        cg_event event = recall_of(++next_id, &key, 1, 0, bytes);
        event.client = 9;
        (void)world_reply(&around, 0, event);
    }
    assert_int_equal(around.reads, reads); /* what came once predicts nothing */
    assert_int_equal(level_of(&used, 2), 2);
    uint8_t bytes[8];
    step(&used, 0, recall_of(++next_id, &cycle[0], 1, 0, bytes));
    kept = &used.outputs[0];
    uint64_t ids[4];
    assert_int_equal(ids_of(CG_OUTPUT_READ, ids), 2);
    assert_int_equal(ids[0], 2);
    assert_int_equal(ids[1], 3);
    assert_int_equal(statistics_of(&used).tiers.prefetch_issued, 2);
    step(&used, 0, recall_of(++next_id, &cycle[0], 1, 0, bytes)); /* they are on their way */
    assert_int_equal(ids_of(CG_OUTPUT_READ, ids), 0);
    for (uint64_t stray = 500; stray < 600; stray++) {
        read_done(&used, stray);
        assert_int_equal(kept->count, 0);
        assert_int_equal(level_of(&used, stray), 2);
    }
    read_done(&used, 2);
    assert_int_equal(level_of(&used, 2), 1);
    read_done(&used, 2);
    step(&used, 0, recall_of(++next_id, &cycle[1], 1, 0, bytes));
    assert_int_equal(kept->work.operations[CG_WORK_TIER_L2], 1);
    assert_int_equal(kept->work.operations[CG_WORK_TIER_STORE], 0);
    assert_int_equal(statistics_of(&used).tiers.prefetch_useful, 1);
    step(&used, 0, recall_of(++next_id, &cycle[2], 1, 0, bytes)); /* before it has come */
    assert_int_equal(statistics_of(&used).tiers.prefetch_late, 1);
    world_free(&around);
    free_rig(&used);
}

/* Goal: a recall without hops keeps to its budget too, by its keys; the last one stays. */
static void test_budget_of_keys(void **state) {
    (void)state;
    uint64_t keys[KEYS_MOST];
    for (uint32_t i = 0; i < KEYS_MOST; i++) {
        keys[i] = 15 * i;
    }
    uint64_t whole_ns = 0;
    for (uint32_t part = 0; part < 3; part++) {
        cg_node_options options = keys_options();
        options.service.forecasts = true;
        options.service.budget_ns = part == 0 ? 0 : part == 1 ? whole_ns * 2 / 5 : 1;
        rig used = keys_rig(&options);
        uint8_t bytes[sizeof keys];
        cg_reply reply = take_reply(step(&used, 0, recall_of(1, keys, KEYS_MOST, 0, bytes)));
        (void)timer_of(&used.outputs[0], CG_TIMER_DONE);
        whole_ns = part == 0 ? reply.forecast_ns : whole_ns;
        assert_int_equal(reply.status, part == 0 ? CG_OK : CG_ERROR_PARTIAL);
        assert_true(part != 1 || reply.forecast_ns < whole_ns / 2);
        assert_true(part != 1 || reply.count > KEYS_MOST / 4);
        assert_int_equal(part == 2 ? reply.count : 1, 1);
        free_rig(&used);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_refused),     cmocka_unit_test(test_hops),
        cmocka_unit_test(test_facts_are_pinned), cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_of_keys),   cmocka_unit_test(test_forecast),
        cmocka_unit_test(test_batches),          cmocka_unit_test(test_batches_at_the_ends),
        cmocka_unit_test(test_prefetch),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
