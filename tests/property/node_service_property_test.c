/* Goal: whatever is asked of nodes, of all kinds at once, again and in any order, and in whatever
 * legal order timers, writes, reads and messages come back: each request is answered once for each
 * time it was asked, and always alike; nothing that was accepted is lost and nothing that was turned
 * away is stored; permits bound what runs; at the end nothing is pinned, open or undelivered, the
 * replica equals its primary, and a node has the memory that it says it has. The same program does the
 * same twice. (B3, B4, B6, D3, D4, D7, D8)
 */
#include "tests/support/service.h"

enum { REQUESTS = 220, ROUNDS = 40, STALE_MOST = 64, KEYS_MOST = 40, FACTS_MOST = 5 };

typedef struct asked {
    uint64_t id;
    uint64_t target;
    cg_request_kind kind;
    uint32_t asks;
    uint32_t replies;
    bool is_decided;
    cg_reply decided; /* the answer that is its for good */
} asked;

typedef struct program {
    uint64_t seed;
    uint64_t round;
    cg_stream stream;
    rig nodes;
    world around;
    cg_counting_allocator memory[HOSTS_MAX];
    asked requests[REQUESTS];
    uint32_t count;
    uint32_t recalls[HOSTS_MAX];
    size_t replies_seen;
    cg_event stale[STALE_MOST];
    uint32_t stale_count;
    uint64_t running[HOSTS_MAX];
} program;

static uint64_t below(program *self, uint64_t n) {
    return cg_stream_next_below(&self->stream, n);
}

static uint64_t one_of(program *self, const uint64_t *choices, uint64_t count) {
    return choices[below(self, count)];
}
#define ONE_OF(self, ...)                                                                      \
    one_of(self, (const uint64_t[]){__VA_ARGS__},                                              \
           sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static cg_node_options draw_options(program *self, uint32_t hosts) {
    cg_node_options options = options_for(hosts, 0);
    options.acknowledge = below(self, 2) ? CG_ACKNOWLEDGE_ALL : CG_ACKNOWLEDGE_PRIMARY;
    options.tries = 30000;
    options.tier_levels = (uint32_t)ONE_OF(self, 1, 2, 3, 3);
    options.tiers[0].capacity = ONE_OF(self, 4, 4, 64);
    options.tiers[1].capacity = options.tiers[0].capacity + ONE_OF(self, 4, 4, 1000);
    options.pools.quota_bytes = ONE_OF(self, 8192, 16384, UINT64_C(1) << 30);
    options.pools.shared_quota_bytes = ONE_OF(self, 0, 8192);
    cg_service_options *service = &options.service;
    service->permits = (uint32_t)ONE_OF(self, 0, 1, 2, 5);
    service->queue_max = (uint32_t)ONE_OF(self, 0, 3, 20, 1000);
    service->wait_max_ns = ONE_OF(self, 0, 0, 20 * MS);
    service->cores = (uint32_t)ONE_OF(self, 1, 4);
    service->conflict_tries = (uint32_t)ONE_OF(self, 1, 3, 6);
    service->cache_entries = (uint32_t)ONE_OF(self, 0, 4, 100);
    service->cache_ttl_ns = ONE_OF(self, MS, 10000 * MS, 10000 * MS);
    service->writes_max = (uint32_t)ONE_OF(self, 0, 1, 2);
    service->batching = below(self, 2);
    service->batch = (uint32_t)ONE_OF(self, 0, 1, 4);
    service->successors = (uint32_t)ONE_OF(self, 0, 1024, 1024);
    service->prefetch = service->successors > 0 ? (uint32_t)below(self, 5) : 0;
    service->forecasts = below(self, 2);
    service->budget_ns = ONE_OF(self, 0, 100000, 5 * MS);
    service->interval_ns = ONE_OF(self, 0, MS, 50 * MS);
    service->memory_bytes = ONE_OF(self, 0, 1000);
    service->adapts = service->interval_ns > 0 && below(self, 2);
    return options;
}

static void start(program *self, uint64_t seed, uint64_t round, uint32_t hosts) {
    memset(self, 0, sizeof *self);
    self->seed = seed;
    self->round = round;
    self->stream = cg_stream_init(seed, "node.service", round);
    self->nodes = (rig){.hosts = hosts, .now_ns = MS};
    cg_node_options options = draw_options(self, hosts);
    for (uint32_t host = 0; host < hosts; host++) {
        cg_error error = {0};
        options.host = host;
        cg_counting_allocator_init(&self->memory[host], cg_allocator_heap());
        assert_ok(cg_node_alloc(&options, &corpus,
                                cg_counting_allocator_view(&self->memory[host]),
                                &self->nodes.nodes[host], &error),
                  error);
        cg_outputs_init(&self->nodes.outputs[host], cg_allocator_heap());
    }
    self->around = world_of(&self->nodes);
}

static void finish(program *self) {
    world_free(&self->around);
    free_rig(&self->nodes);
    for (uint32_t host = 0; host < self->nodes.hosts; host++) {
        assert_int_equal(self->memory[host].live_blocks, 0);
    }
}

/* --- what is asked ------------------------------------------------------------------------- */

static const char *draw_text(program *self, char text[SUPPORT_TEXT_BYTES]) {
    if (below(self, 3) ==
        0) { /* few different ones: for the decision cache, and for facts below facts */
        snprintf(text, SUPPORT_TEXT_BYTES, "w20a zebra%u fox%u", (unsigned)below(self, 2),
                 (unsigned)below(self, 2));
    } else {
        (void)support_fact_text(&self->stream, text);
    }
    return below(self, 40) == 0 ? " ... " : text;
}

static uint64_t draw_target(program *self) {
    const asked *of = &self->requests[below(self, self->count + 1)];
    uint64_t place = of->kind == CG_REQUEST_BATCH ? below(self, FACTS_MOST) : 0;
    return of->id == 0 ? 9999 : of->id | place << 48;
}

static void ask_of(program *self, asked *request) {
    static char texts[FACTS_MOST][SUPPORT_TEXT_BYTES];
    static uint8_t bytes[FACTS_MOST * (SUPPORT_TEXT_BYTES + 4) + KEYS_MOST * 8];
    uint64_t keys[KEYS_MOST] = {0};
    const char *drawn[FACTS_MOST];
    cg_event event = {0};
    uint32_t count = 1 + (uint32_t)below(self, FACTS_MOST);
    uint32_t host = (uint32_t)below(self, self->nodes.hosts);
    switch (request->kind) {
    case CG_REQUEST_ALLOCATE:
        event = allocate_of(request->id, draw_text(self, texts[0]));
        event.flags = below(self, 24) == 0 ? CG_REQUEST_LABELLED : 0;
        event.flags |= below(self, 16) == 0 ? CG_REQUEST_AUDIT : 0;
        event.label = (uint32_t)below(self, SUPPORT_CONCEPTS);
        break;
    case CG_REQUEST_BATCH:
        for (uint32_t i = 0; i < count; i++) {
            drawn[i] = draw_text(self, texts[i]);
        }
        event = batch_of(request->id, bytes, batch_bytes(drawn, count, bytes, sizeof bytes));
        event.size_bytes -= below(self, 30) == 0; /* bad framing */
        break;
    case CG_REQUEST_DEALLOCATE:
        event = removal_of(request->id, request->target);
        break;
    default:
        count = 1 + (uint32_t)below(self, KEYS_MOST);
        for (uint32_t i = 0; i < count; i++) {
            keys[i] = below(self, below(self, 2) ? 8 : SUPPORT_CONCEPTS);
        }
        if (below(self, 2)) { /* one key, which says what is next */
            count = 1;
            keys[0] = 50 + self->recalls[host]++ % 4;
        }
        keys[0] += below(self, 30) == 0 ? SUPPORT_CONCEPTS : 0; /* no such key */
        event = recall_of(request->id, keys, count, (uint32_t)below(self, 4), bytes);
        break;
    }
    event.client = count == 1 ? 0 : 1 + (uint32_t)below(self, 2);
    event.priority = (uint8_t)below(self, CG_PRIORITY_COUNT);
    request->asks++;
    world_ask(&self->around, host, event);
}

static void ask(program *self) {
    if (self->count > 0 && below(self, 8) == 0) { /* one that was asked before */
        asked *request = &self->requests[below(self, self->count)];
        if (request->kind != CG_REQUEST_RECALL) {
            ask_of(self, request);
            return;
        }
    }
    static const cg_request_kind kinds[] = {
        CG_REQUEST_ALLOCATE,   CG_REQUEST_ALLOCATE, CG_REQUEST_BATCH, CG_REQUEST_DEALLOCATE,
        CG_REQUEST_DEALLOCATE, CG_REQUEST_RECALL,   CG_REQUEST_RECALL};
    asked *request = &self->requests[self->count];
    request->kind = kinds[below(self, sizeof kinds / sizeof *kinds)];
    request->target = draw_target(self);
    request->id = ++self->count;
    ask_of(self, request);
}

/* --- what comes back ----------------------------------------------------------------------- */

/* An answer that is the request's for good, and not only this ask's. */
static bool is_for_good(const cg_reply *reply) {
    return reply->request != CG_REQUEST_RECALL &&
           (reply->status == CG_OK || reply->status == CG_ERROR_PARTIAL ||
            reply->status == CG_ERROR_FULL || reply->status == CG_ERROR_NOT_FOUND ||
            reply->status == CG_ERROR_CONFLICT);
}

static void check_reply(program *self, const cg_reply *reply) {
    assert_in_range(reply->request_id, 1, self->count);
    asked *request = &self->requests[reply->request_id - 1];
    assert_int_equal(reply->request, request->kind);
    assert_true(++request->replies <= request->asks);
    assert_true(reply->status != CG_ERROR_TIMEOUT);
    if (!is_for_good(reply)) {
        return;
    }
    if (!request->is_decided) {
        request->is_decided = true;
        request->decided = *reply;
    }
    assert_int_equal(reply->status, request->decided.status);
    assert_int_equal(reply->host, request->decided.host);
    assert_int_equal(reply->count, request->decided.count);
    assert_true(reply->fact_id == request->decided.fact_id);
    assert_true(reply->slot == request->decided.slot);
}

/* After every step. */
static void check(program *self) {
    for (; self->replies_seen < self->around.reply_count; self->replies_seen++) {
        check_reply(self, &self->around.replies[self->replies_seen].reply);
    }
    for (uint32_t host = 0; host < self->nodes.hosts; host++) {
        const cg_node *node = self->nodes.nodes[host];
        if (!node->admission) {
            continue;
        }
        cg_admission_statistics load = cg_admission_statistics_of(node->admission);
        assert_int_equal(items_in(node, CG_ITEM_RUNNING), load.running);
        assert_int_equal(items_in(node, CG_ITEM_WAITING), load.waiting);
        /* Permits may be taken away; who runs then goes on. */
        assert_true(load.running <= load.permits || load.running <= self->running[host]);
        self->running[host] = load.running;
    }
}

/* --- what happens -------------------------------------------------------------------------- */

static bool is_item_timer(const delivery *what) {
    return what->event.kind == CG_EVENT_TIMER && (what->event.id & CG_NODE_TIMER_OTHER) &&
           cg_timer_kind_of(what->event.id) != CG_TIMER_PROTOCOL &&
           cg_timer_kind_of(what->event.id) != CG_TIMER_TICK;
}

/* Whether it may come twice, or long after: batches of a recall come once. */
static bool may_be_stale(const delivery *what) {
    if (what->event.kind == CG_EVENT_MESSAGE) {
        return false;
    }
    cg_timer_kind kind = cg_timer_kind_of(what->event.id);
    return !(what->event.id & CG_NODE_TIMER_OTHER) ||
           (kind != CG_TIMER_PART && kind != CG_TIMER_PART_DONE && kind != CG_TIMER_FETCHED);
}

static void deliver_stale(program *self) {
    if (self->stale_count > 0) {
        cg_event event = self->stale[below(self, self->stale_count)];
        uint32_t host = event.client; /* kept there */
        event.client = 0;
        (void)step(&self->nodes, host, event);
        world_keep(&self->around, host);
    }
}

static void note_stale(program *self, const delivery *what) {
    if (may_be_stale(what)) {
        uint64_t at =
            self->stale_count < STALE_MOST ? self->stale_count++ : below(self, STALE_MOST);
        self->stale[at] = what->event;
        self->stale[at].client = what->host;
    }
}

static void deliver_any(program *self) {
    world *around = &self->around;
    size_t at = (size_t)below(self, around->count);
    delivery *what = &around->queue[at];
    bool waits = what->event.kind == CG_EVENT_TIMER && !is_item_timer(what);
    if (waits && below(self, 16) > 0) {
        return; /* tries, resends and ticks are far apart */
    }
    if (what->event.kind == CG_EVENT_MESSAGE && below(self, 12) == 0) {
        if (below(self, 2) == 0) { /* lost */
            delivery lost = world_pull(around, at);
            free(lost.bytes);
            return;
        }
        delivery again = *what;
        again.bytes = malloc(what->event.size_bytes);
        assert_non_null(again.bytes);
        memcpy(again.bytes, what->bytes, what->event.size_bytes);
        again.event.bytes = again.bytes;
        world_put(around, again);
    }
    note_stale(self, &around->queue[at]);
    world_deliver(around, at);
}

static void run(program *self) {
    while (self->count < REQUESTS) {
        uint64_t what = below(self, 10);
        if (what < 3 || self->around.count == 0) {
            ask(self);
        } else if (what < 9) {
            deliver_any(self);
        } else {
            deliver_stale(self);
        }
        self->nodes.now_ns += below(self, 20000);
        check(self);
    }
    uint64_t steps = 0;
    while (self->around.count > 0) { /* all that is under way, in time */
        note_stale(self, &self->around.queue[world_next(&self->around)]);
        world_deliver(&self->around, world_next(&self->around));
        check(self);
        assert_true(++steps < 1000000);
    }
}

/* --- what holds at the end ----------------------------------------------------------------- */

static uint64_t facts_of(const asked *request) {
    return request->is_decided && request->kind != CG_REQUEST_DEALLOCATE
               ? request->decided.count
               : 0;
}

static void check_requests(const program *self) {
    uint64_t facts[HOSTS_MAX] = {0};
    uint64_t removed[HOSTS_MAX] = {0};
    for (uint32_t i = 0; i < self->count; i++) {
        const asked *request = &self->requests[i];
        assert_int_equal(request->replies, request->asks);
        uint64_t sequence = 0;
        bool is_stored = false;
        for (uint32_t host = 0; host < self->nodes.hosts; host++) {
            is_stored = is_stored || cg_node_has_request(self->nodes.nodes[host], host,
                                                         request->id, &sequence);
        }
        bool is_taken = request->is_decided && (request->decided.status == CG_OK ||
                                                request->decided.status == CG_ERROR_PARTIAL);
        assert_int_equal(is_stored, is_taken);
        if (is_taken) {
            uint32_t primary = request->decided.host;
            facts[primary] += facts_of(request);
            removed[primary] += request->kind == CG_REQUEST_DEALLOCATE;
            assert_true(request->decided.status == CG_OK || request->kind == CG_REQUEST_BATCH);
        }
    }
    for (uint32_t host = 0; host < self->nodes.hosts; host++) {
        const cg_node *node = self->nodes.nodes[host];
        cg_node_statistics statistics = cg_node_statistics_of(node);
        assert_int_equal(cg_partition_live_facts(&node->spaces[0].holdings[0].partition),
                         facts[host] - removed[host]);
        assert_int_equal(statistics.pools.slots_taken, facts[host] - removed[host]);
        assert_int_equal(statistics.allocations, facts[host]);
        assert_int_equal(statistics.removals, removed[host]);
        assert_int_equal(statistics.replies, statistics.requests);
        assert_int_equal(cg_log_last(node->spaces[0].holdings[0].partition.log),
                         facts[host] + removed[host]);
    }
}

static void check_nodes(const program *self) {
    for (uint32_t host = 0; host < self->nodes.hosts; host++) {
        const cg_node *node = self->nodes.nodes[host];
        assert_true(cg_node_idle(node));
        assert_int_equal(pins_of(node), 0);
        assert_int_equal(items_in(node, CG_ITEM_RUNNING) + items_in(node, CG_ITEM_WAITING), 0);
        assert_int_equal(node->spaces[0].holdings[0].writes, 0);
        if (self->nodes.hosts > 1) {
            uint32_t replica = (host + 1) % self->nodes.hosts;
            assert_true(hash_of(&self->nodes, host, host) ==
                        hash_of(&self->nodes, replica, host));
        }
        /* Headers and padding are left out. */
        uint64_t bytes = cg_node_bytes(node);
        uint64_t live_bytes = self->memory[host].live_bytes;
        if (bytes > live_bytes || bytes < live_bytes / 100 * 98) {
            fail_msg("%llu bytes are held, the node says %llu", (unsigned long long)live_bytes,
                     (unsigned long long)bytes);
        }
    }
}

static program drawn;

static uint64_t run_program(uint64_t seed, uint64_t round, uint32_t hosts,
                            cg_node_statistics *sums) {
    start(&drawn, seed, round, hosts);
    run(&drawn);
    check_requests(&drawn);
    check_nodes(&drawn);
    for (uint32_t host = 0; host < hosts; host++) {
        cg_hasher_add_u64(&drawn.around.hasher, hash_of(&drawn.nodes, host, host));
        cg_node_statistics statistics = cg_node_statistics_of(drawn.nodes.nodes[host]);
        sums->conflicts += statistics.conflicts;
        sums->shed += statistics.shed;
        sums->duplicates += statistics.duplicates;
        sums->partial += statistics.partial;
        sums->batches += statistics.batches;
        sums->settings_changed += statistics.settings_changed;
        sums->removals += statistics.removals;
        sums->cache.hits += statistics.cache.hits;
        sums->tiers.prefetch_issued += statistics.tiers.prefetch_issued;
        sums->admission.started += statistics.admission.started;
        sums->groups.records_resent += statistics.groups.records_resent;
        sums->replies += drawn.around.alerts;
    }
    uint64_t hash = cg_hasher_value(&drawn.around.hasher);
    finish(&drawn);
    return hash;
}

static void run_programs(uint64_t seed, uint32_t hosts) {
    cg_node_statistics sums = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t hash = run_program(seed, round, hosts, &sums);
        if (round % 8 == 0) {
            assert_true(run_program(seed, round, hosts, &sums) == hash);
        }
    }
    /* The programs are of use only when all of this happens. */
    assert_true(sums.conflicts > 0 && sums.shed > 0 && sums.duplicates > 0);
    assert_true(sums.partial > 0 && sums.batches > 0 && sums.removals > 0);
    assert_true(sums.cache.hits > 0 && sums.tiers.prefetch_issued > 0);
    assert_true(sums.settings_changed > 0 && sums.admission.started > 0 && sums.replies > 0);
    assert_true(hosts == 1 || sums.groups.records_resent > 0);
}

static void test_programs_on_one_node(void **state) {
    (void)state;
    run_programs(support_seed(31), 1);
}

static void test_programs_with_replicas(void **state) {
    (void)state;
    run_programs(support_seed(32), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs_on_one_node),
        cmocka_unit_test(test_programs_with_replicas),
    };
    return cmocka_run_group_tests(tests, rig_set_up, rig_tear_down);
}
