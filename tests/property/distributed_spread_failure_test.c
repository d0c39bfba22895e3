/* Goal: messages that can't be right are refused and change nothing, whatever bytes they have; a
 * call that is not acceptable says what is wrong; each allocation may fail; a host whose reads fail
 * or whose records are full is named missing and holds nobody up.
 */
#include <math.h>

#include "tests/support/spread_sample.h"

enum { MUTATIONS = 6 };

/* --- bytes --- */

typedef struct node_state {
    uint64_t bytes;
    uint64_t lamport;
    uint64_t underway;
} node_state;

static node_state state_of(const cg_distributed *node) {
    return (node_state){.bytes = cg_distributed_bytes(node),
                        .lamport = cg_distributed_lamport(node),
                        .underway = cg_distributed_underway(node)};
}

/* A message that was altered: CG_ERROR_CORRUPT and nothing changed, or taken. */
static void deliver_altered(cluster *c, const cluster_event *event, const uint8_t *bytes,
                            size_t size_bytes, bool must_be_corrupt, uint64_t *refused) {
    cg_error error = {0};
    cg_distributed *node = c->nodes[event->to];
    node_state before = state_of(node);
    uint64_t sent = c->sent;
    cg_status status = cg_distributed_message(node, c->now_ns, event->from, event->type, bytes,
                                              size_bytes, &error);
    if (must_be_corrupt) {
        assert_int_equal(status, CG_ERROR_CORRUPT);
    }
    if (status == CG_OK) {
        return;
    }
    node_state after = state_of(node);
    assert_status(status, CG_ERROR_CORRUPT, error, "host");
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(c->sent == sent);
    ++*refused;
}

static void alter(cluster *c, cg_stream *stream, const cluster_event *event,
                  uint64_t *refused) {
    for (uint32_t i = 0; i < MUTATIONS; i++) {
        size_t size_bytes = event->size_bytes;
        uint8_t *bytes = calloc(1, size_bytes + 8);
        assert_non_null(bytes);
        memcpy(bytes, event->bytes, size_bytes);
        uint64_t kind = cg_stream_next_below(stream, 4);
        if (kind == 0) { /* cut */
            size_bytes = (size_t)cg_stream_next_below(stream, size_bytes);
        } else if (kind == 1) { /* longer */
            size_bytes += 1 + (size_t)cg_stream_next_below(stream, 7);
        } else { /* bits */
            uint64_t flips = 1 + cg_stream_next_below(stream, kind == 2 ? 1 : 9);
            for (uint64_t flip = 0; flip < flips; flip++) {
                bytes[cg_stream_next_below(stream, size_bytes)] ^=
                    (uint8_t)(1u << cg_stream_next_below(stream, 8));
            }
        }
        /* A copy without slack, so that sanitizers see a read past the end. */
        uint8_t *exact = malloc(size_bytes ? size_bytes : 1);
        assert_non_null(exact);
        memcpy(exact, bytes, size_bytes);
        deliver_altered(c, event, exact, size_bytes, false, refused);
        free(exact);
        free(bytes);
    }
}

/* Before each real delivery come altered ones. Those that pass for right may spoil the answer; the
 * cluster still ends, and frees all. */
static void test_altered_messages(void **state) {
    (void)state;
    uint64_t seed = support_seed(7201);
    static spread_sample s;
    static cluster c;
    uint64_t refused = 0;
    for (uint64_t number = 0; number < 60; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.altered", number);
        sample_draw(&stream, number, &s);
        cluster_init(&c, s.hosts, seed, number);
        c.may_fail = true;
        for (uint32_t host = 0; host < c.hosts; host++) {
            cg_distributed_options options = cluster_options(&c, host);
            options.graph = s.graph;
            options.owners = s.owners;
            options.records_max = 20000;
            options.spreads_max = 16;
            cluster_add(&c, host, &options, cg_allocator_heap());
        }
        cluster_start(&c, 0, 1, &s.query);
        cg_heap_entry entry;
        while (c.delivered < 300 && cg_heap_peek(&c.heap, &entry)) {
            const cluster_event *event = entry.payload;
            c.now_ns = entry.time_ns;
            if (!event->is_timer) {
                alter(&c, &stream, event, &refused);
            }
            (void)cluster_step(&c);
            assert_true(c.failed == CG_OK || c.failed == CG_ERROR_CORRUPT);
            c.failed = CG_OK;
        }
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(refused > 5000);
}

/* Cut anywhere, and longer by a byte: always refused. */
static void test_cut_messages(void **state) {
    (void)state;
    uint64_t seed = support_seed(7202);
    static spread_sample s;
    static cluster c;
    uint64_t refused = 0;
    for (uint64_t number = 0; number < 12; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.cut", number);
        sample_draw(&stream, number, &s);
        cluster_init(&c, s.hosts, seed, number);
        sample_open(&c, &s);
        cluster_start(&c, 0, 1, &s.query);
        cg_heap_entry entry;
        while (cg_heap_peek(&c.heap, &entry) && c.delivered < 60) {
            const cluster_event *event = entry.payload;
            c.now_ns = entry.time_ns;
            uint64_t size_bytes = event->is_timer ? 0 : event->size_bytes;
            for (uint64_t cut = 0; cut < size_bytes; cut += 1 + size_bytes / 40) {
                uint8_t *exact = malloc(cut ? cut : 1);
                assert_non_null(exact);
                memcpy(exact, event->bytes, cut);
                /* A pass may end between its sections: then it is one of fewer. */
                deliver_altered(&c, event, exact, cut, event->type != 1 || cut < 33, &refused);
                free(exact);
            }
            (void)cluster_step(&c);
        }
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(refused > 1000);
}

/* To another host than meant, or from another than it was: rows and sources are not theirs. */
static void test_redirected_messages(void **state) {
    (void)state;
    uint64_t seed = support_seed(7204);
    static spread_sample s;
    static cluster c;
    uint64_t refused = 0;
    for (uint64_t number = 0; number < 30; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.redirect", number);
        sample_draw(&stream, number, &s);
        cluster_init(&c, s.hosts, seed, number);
        sample_open(&c, &s);
        cluster_start(&c, 0, 1, &s.query);
        cg_heap_entry entry;
        while (s.hosts >= 3 && cg_heap_peek(&c.heap, &entry) && c.delivered < 100) {
            cluster_event altered = *(const cluster_event *)entry.payload;
            const cluster_event *event = entry.payload;
            uint32_t other = 0;
            while (other == event->to || other == event->from) {
                other++;
            }
            c.now_ns = entry.time_ns;
            /* Empty ones of exact could be anybody's. */
            bool has_rows = !event->is_timer && event->size_bytes > 38 && event->type == 1;
            altered.to = other;
            if (has_rows || (!event->is_timer && event->type == 2)) {
                deliver_altered(&c, &altered, event->bytes, event->size_bytes,
                                event->type == 1 || other != 0, &refused);
            }
            altered.to = event->to;
            altered.from = other;
            if (has_rows) {
                deliver_altered(&c, &altered, event->bytes, event->size_bytes, true, &refused);
            }
            (void)cluster_step(&c);
        }
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(refused > 300);
}

static void test_strangers(void **state) {
    (void)state;
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_stream stream = cg_stream_init(1, "test.distributed.stranger", 1);
    sample_draw(&stream, 1, &s);
    s.hosts = 2;
    memset(s.owners, 0, sizeof s.owners);
    cluster_init(&c, 2, 1, 1);
    sample_open(&c, &s);
    uint8_t bytes[64] = {0};
    for (uint16_t type = 0; type < 12; type++) {
        for (size_t size = 0; size < sizeof bytes; size++) {
            cg_status status =
                cg_distributed_message(c.nodes[0], 0, 1, type, bytes, size, &error);
            assert_true(status == CG_OK || status == CG_ERROR_CORRUPT);
            assert_int_equal(cg_distributed_underway(c.nodes[0]), 0);
        }
    }
    assert_status(cg_distributed_message(c.nodes[0], 0, 2, 0, bytes, 64, &error),
                  CG_ERROR_CORRUPT, error, "host 2");
    assert_status(cg_distributed_message(c.nodes[0], 0, 0, 0, bytes, 64, &error),
                  CG_ERROR_CORRUPT, error, "host 0");
    assert_ok(cg_distributed_timer(c.nodes[0], 0, UINT32_MAX, &error), error);
    assert_ok(cg_distributed_timer(c.nodes[0], 0, 0, &error), error);
    cluster_deinit(&c);
    cg_graph_free(s.graph);
}

/* --- what is not acceptable --- */

static void expect_start(cluster *c, const cg_distributed_query *query, cg_status expected,
                         const char *part) {
    cg_error error = {0};
    node_state before = state_of(c->nodes[0]);
    uint64_t sent = c->sent;
    cg_status status = cg_distributed_start(c->nodes[0], 0, 9, query, &error);
    node_state after = state_of(c->nodes[0]);
    assert_status(status, expected, error, part);
    assert_memory_equal(&before, &after, sizeof before);
    assert_true(c->sent == sent);
}

static void test_queries_are_checked(void **state) {
    (void)state;
    static spread_sample s;
    static cluster c;
    cg_error error = {0};
    cg_stream stream = cg_stream_init(1, "test.distributed.queries", 1);
    sample_draw(&stream, 1, &s);
    cluster_init(&c, 1, 1, 1);
    memset(s.owners, 0, sizeof s.owners);
    sample_open(&c, &s);
    cg_spread_seed seed = {.row = 0, .activation = 1.0};
    cg_distributed_query good = cg_distributed_query_default();
    good.spread.seeds = &seed;
    good.spread.seed_count = 1;
    cg_spread_tiers tiers = cg_spread_tiers_default();
#define REFUSED(field, value, status, part)                                                    \
    do {                                                                                       \
        cg_distributed_query query = good;                                                     \
        query.field = (value);                                                                 \
        expect_start(&c, &query, (status), (part));                                            \
    } while (0)
    REFUSED(spread.seed_count, 0, CG_ERROR_INVALID, "0 seeds");
    REFUSED(spread.max_hops, 65, CG_ERROR_INVALID, "max_hops 65");
    REFUSED(spread.max_hops, 0, CG_ERROR_INVALID, "max_hops 0");
    REFUSED(spread.lambda, -1.0, CG_ERROR_INVALID, "lambda -1");
    REFUSED(spread.lambda, (double)NAN, CG_ERROR_INVALID, "lambda");
    REFUSED(spread.threshold, 1.5, CG_ERROR_INVALID, "threshold 1.5");
    REFUSED(spread.hop_discount, (double)NAN, CG_ERROR_INVALID, "hop_discount");
    REFUSED(spread.hits_max, 0, CG_ERROR_INVALID, "hits_max 0");
    REFUSED(spread.hits_max, 65537, CG_ERROR_INVALID, "hits_max 65537");
    REFUSED(spread.confidence_paths, 17, CG_ERROR_INVALID, "confidence_paths 17");
    REFUSED(spread.edges_max, 1, CG_ERROR_INVALID, "edges_max");
    REFUSED(spread.refractory_ns, 1, CG_ERROR_INVALID, "refractory_ns");
    REFUSED(timeout_ns, 0, CG_ERROR_INVALID, "timeout_ns 0");
    REFUSED(timeout_ns, UINT64_MAX, CG_ERROR_INVALID, "timeout");
    REFUSED(window_ns, UINT64_MAX, CG_ERROR_INVALID, "window");
    REFUSED(mode, CG_DISTRIBUTED_MODE_COUNT, CG_ERROR_INVALID, "mode 2");
    tiers.budgets[1] = 5;
    good.mode = CG_DISTRIBUTED_ASYNC;
    REFUSED(spread.tiers, &tiers, CG_ERROR_INVALID, "budget of 5");
    good.mode = CG_DISTRIBUTED_EXACT;
    tiers.thresholds[2] = 2.0;
    REFUSED(spread.tiers, &tiers, CG_ERROR_INVALID, "tier 2");
    seed.row = s.rows;
    REFUSED(timeout_ns, 1000000, CG_ERROR_NOT_FOUND, "seed 0");
    seed = (cg_spread_seed){.row = 0, .activation = 0.0};
    REFUSED(timeout_ns, 1000000, CG_ERROR_INVALID, "activation 0");
    seed.activation = 1.0;
    assert_ok(cg_distributed_start(c.nodes[0], 0, 9, &good, &error), error);
    assert_int_equal(c.answers[9].count, 1);
    REFUSED(timeout_ns, 1000000, CG_ERROR_EXISTS, "number 9");
#undef REFUSED
    cg_distributed *out = NULL;
    cg_distributed_options options = cluster_options(&c, 0);
    assert_status(cg_distributed_alloc(&options, cg_allocator_heap(), &out, &error),
                  CG_ERROR_INVALID, error, "graph");
    options.graph = s.graph;
    options.owners = s.owners;
    options.host = 1;
    assert_status(cg_distributed_alloc(&options, cg_allocator_heap(), &out, &error),
                  CG_ERROR_INVALID, error, "host 1");
    options.host = 0;
    options.message_bytes_max = 10;
    assert_status(cg_distributed_alloc(&options, cg_allocator_heap(), &out, &error),
                  CG_ERROR_INVALID, error, "message_bytes_max 10");
    assert_null(out);
    cluster_deinit(&c);
    cg_graph_free(s.graph);
}

/* --- memory --- */

/* A whole spread over three hosts with one allocator that fails at its n-th call. */
static bool run_failing(const spread_sample *s, uint64_t fail_at) {
    static cluster c;
    cg_counting_allocator counting;
    cg_error error = {0};
    cg_counting_allocator_init(&counting, cg_allocator_heap());
    counting.fail_at = fail_at;
    cg_allocator allocator = cg_counting_allocator_view(&counting);
    cluster_init(&c, 3, 1, 1);
    c.may_fail = true;
    bool is_open = true;
    for (uint32_t host = 0; host < 3 && is_open; host++) {
        cg_distributed_options options = cluster_options(&c, host);
        options.graph = s->graph;
        options.owners = s->owners;
        cg_status status = cg_distributed_alloc(&options, allocator, &c.nodes[host], &error);
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        is_open = status == CG_OK;
    }
    bool has_failed = !is_open;
    if (is_open) {
        cg_status status = cg_distributed_start(c.nodes[0], 0, 1, &s->query, &error);
        assert_true(status == CG_OK || status == CG_ERROR_MEMORY);
        has_failed = status != CG_OK;
        if (!has_failed) {
            cluster_run(&c);
            assert_true(c.failed == CG_OK || c.failed == CG_ERROR_MEMORY);
            has_failed = c.failed != CG_OK;
        }
    }
    cluster_deinit(&c);
    assert_int_equal(counting.live_blocks, 0);
    assert_int_equal(counting.live_bytes, 0);
    return has_failed;
}

static void test_each_allocation_fails(void **state) {
    (void)state;
    static spread_sample s;
    for (uint32_t mode = 0; mode < 2; mode++) {
        cg_stream stream = cg_stream_init(7, "test.distributed.memory", 3);
        do {
            cg_graph_free(s.graph);
            sample_draw(&stream, 3, &s);
        } while (s.rows > 60);
        for (uint32_t row = 0; row < s.rows; row++) {
            s.owners[row] = row % 3;
        }
        s.hosts = 3;
        s.query.mode = (cg_distributed_mode)mode;
        s.query.spread.tiers = NULL;
        s.query.spread.max_hops = 4;
        s.query.spread.threshold = 0.0;
        s.query.spread.confidence_paths = 4;
        uint64_t fail_at = 1;
        while (run_failing(&s, fail_at)) {
            fail_at++;
        }
        assert_true(fail_at > 60);
        assert_false(run_failing(&s, 0));
    }
    cg_graph_free(s.graph);
}

/* --- work that is given up --- */

typedef struct bad_reads {
    uint32_t left;
    const uint32_t *owners;
    uint32_t host;
} bad_reads;

static cg_status read_row(void *context, uint32_t row, cg_error *error) {
    bad_reads *reads = context;
    assert_int_equal(reads->owners[row], reads->host);
    if (reads->left == 0) {
        return cg_error_set(error, CG_ERROR_IO, "row %u is gone", row);
    }
    reads->left--;
    return CG_OK;
}

static void test_work_given_up_is_named(void **state) {
    (void)state;
    uint64_t seed = support_seed(7203);
    static spread_sample s;
    static cluster c;
    uint32_t named = 0;
    for (uint64_t number = 0; number < 60; number++) {
        cg_stream stream = cg_stream_init(seed, "test.distributed.reads", number);
        sample_draw(&stream, number, &s);
        s.query.spread.tiers = NULL;
        cluster_init(&c, s.hosts, seed, number);
        bad_reads reads[16];
        bool is_full = number % 2 == 0;
        for (uint32_t host = 0; host < c.hosts; host++) {
            reads[host] = (bad_reads){.left = is_full || host != 0 ? UINT32_MAX : 1,
                                      .owners = s.owners,
                                      .host = host};
            cg_spread_tiers hooks = {.read = read_row, .context = &reads[host]};
            cg_distributed_options options = cluster_options(&c, host);
            options.graph = s.graph;
            options.owners = s.owners;
            options.hooks = &hooks;
            options.records_max = is_full && host == 0 ? 3 : options.records_max;
            cluster_add(&c, host, &options, cg_allocator_heap());
        }
        cluster_start(&c, s.hosts - 1, 1, &s.query);
        cluster_run(&c);
        const cluster_answer *answer = &c.answers[1];
        assert_int_equal(answer->count, 1);
        assert_false(answer->result.is_timed_out);
        assert_true(answer->result.missing_count <= 1);
        if (answer->result.missing_count == 1) {
            assert_int_equal(answer->missing[0], 0);
            assert_true(answer->result.spread.is_partial);
            named++;
        }
        cluster_deinit(&c);
        cg_graph_free(s.graph);
    }
    assert_true(named > 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_altered_messages),
        cmocka_unit_test(test_cut_messages),
        cmocka_unit_test(test_redirected_messages),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_queries_are_checked),
        cmocka_unit_test(test_each_allocation_fails),
        cmocka_unit_test(test_work_given_up_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
