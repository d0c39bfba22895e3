/* Goal: whichever allocation of a node with all its services fails, while it is made or in any step of
 * requests of every kind, the step says so, and everything is given back.
 */
#include "tests/support/service.h"

static cg_node_options all_services(uint32_t hosts) {
    cg_node_options options = options_for(hosts, 0);
    options.spaces = 2;
    options.tiers[0].capacity = 8;
    options.service = (cg_service_options){.permits = 2,
                                           .queue_max = 100,
                                           .cores = 2,
                                           .conflict_tries = 2,
                                           .conflict_ns = 1000,
                                           .cache_entries = 4,
                                           .cache_ttl_ns = MS,
                                           .placement = CG_PLACEMENT_CHOOSE,
                                           .writes_max = 1,
                                           .batching = true,
                                           .batch = 2,
                                           .prefetch = 2,
                                           .successors = 8,
                                           .forecasts = true,
                                           .budget_ns = MS,
                                           .record_bytes = 64,
                                           .interval_ns = MS,
                                           .memory_bytes = 1,
                                           .adapts = true};
    options.spread.refractory_ns = 1000;
    options.spread.consolidate_ns = MS;
    options.spread.models_cpu = true;
    options.spread.cpu.levels[2].size_bytes = 1 << 20;
    return options;
}

/* The k-th request of the short program; false after the last. */
static bool short_request(uint32_t k, cg_event *event) {
    static uint8_t bytes[256];
    static const char *const texts[] = {"w17a w17b", "w30a w30b"};
    static const uint64_t keys[] = {17, 30, 3, 5, 17};
    switch (k) {
    case 0:
    case 4:
        *event = allocate_of(k + 1, "w17a w17b");
        return true;
    case 1:
        *event = batch_of(k + 1, bytes, batch_bytes(texts, 2, bytes, sizeof bytes));
        return true;
    case 2:
    case 5:
        *event = recall_of(k + 1, keys, 5, 1, bytes);
        return true;
    case 3:
    case 6:
        *event = removal_of(k + 1, k == 3 ? 1 : 2);
        return true;
    case 7:
        *event = recall_of(k + 1, keys, 4, 2, bytes);
        event->request = CG_REQUEST_SPREAD;
        return true;
    case 8:
        *event = allocate_of(k + 1, texts[1]);
        event->request = CG_REQUEST_SPREAD;
        event->flags = CG_REQUEST_TEXT;
        event->hops = 2;
        return true;
    default:
        return false;
    }
}

/* A step that may fail. */
static cg_status try_step(world *around, uint32_t host, cg_event event, cg_error *error) {
    rig *used = around->nodes;
    event.now_ns = used->now_ns;
    cg_status status = cg_node_step(used->nodes[host], &event, &used->outputs[host], error);
    if (status == CG_OK) {
        world_keep(around, host);
    }
    return status;
}

/* Until no more than `left` are under way. */
static cg_status try_deliveries(world *around, size_t left, cg_error *error) {
    cg_status status = CG_OK;
    while (status == CG_OK && around->count > left) {
        delivery what = world_pull(around, world_next(around));
        uint64_t *now_ns = &around->nodes->now_ns;
        *now_ns = what.at_ns > *now_ns ? what.at_ns : *now_ns;
        status = try_step(around, what.host, what.event, error);
        free(what.bytes);
    }
    return status;
}

/* All nodes of one program share an allocator whose nth call fails. False when none did. */
static bool run_out_of_memory(uint32_t hosts, uint64_t nth) {
    cg_counting_allocator memory;
    cg_counting_allocator_init(&memory, cg_allocator_heap());
    cg_allocator view = cg_counting_allocator_view(&memory);
    memory.fail_at = nth;
    rig used = {.hosts = hosts, .now_ns = MS};
    world around = world_of(&used);
    cg_node_options options = all_services(hosts);
    cg_error error = {0};
    cg_status status = CG_OK;
    for (uint32_t host = 0; host < hosts; host++) {
        cg_outputs_init(&used.outputs[host], view);
    }
    for (uint32_t host = 0; status == CG_OK && host < hosts; host++) {
        options.host = host;
        status = cg_node_alloc(&options, &corpus, view, &used.nodes[host], &error);
    }
    cg_event event;
    for (uint32_t k = 0; status == CG_OK && short_request(k, &event); k++) {
        status = try_step(&around, k % hosts, event, &error);
        if (status == CG_OK) { /* now and then all; else some wait */
            status = try_deliveries(&around, k % 3 < 2 ? 6 : 0, &error);
        }
    }
    if (status == CG_OK) {
        status = try_deliveries(&around, 0, &error);
    }
    if (status == CG_OK) {
        assert_int_equal(around.reply_count, 9);
    } else {
        assert_int_equal(status, CG_ERROR_MEMORY);
        assert_int_equal(error.status, CG_ERROR_MEMORY);
        assert_true(error.message[0] != 0);
    }
    for (uint32_t host = 0; host < hosts; host++) {
        cg_node_free(used.nodes[host]);
        cg_outputs_deinit(&used.outputs[host]);
    }
    world_free(&around);
    assert_int_equal(memory.live_bytes, 0);
    assert_int_equal(memory.live_blocks, 0);
    return memory.fail_at == 0; /* it has failed */
}

static void test_memory(void **state) {
    (void)state;
    for (uint32_t hosts = 1; hosts <= 2; hosts++) {
        uint64_t nth = 1;
        while (run_out_of_memory(hosts, nth)) {
            nth++;
        }
        assert_true(nth > 100);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
