/* Goal: where a request's time went adds up to its latency, to the nanosecond, from the intended start
 * on, whatever became of it: forwarded, tried again, answered when a replica has it, in a batch,
 * recalled from the store, spread, removed, shed (G11). Small random clusters of real nodes over the bare
 * loop, with loss, duplicates and reordering; the observer hears of every reply. Known values: with
 * constant latency L a fact that is decided on another host, tried once and acknowledged by the primary
 * is on the wire for 2 L (for L of its own where the write of another made it durable); one that was tried again waited for a timer at least once.
 */
#include "tests/support/points.h"

enum { RUNS = 16, REQUESTS = 120 };
static const uint64_t latency_ns = 300000;
/* So slow that nobody waits as long as a try lasts: an answer behind a second try is the second's. */
static const double slow_hz = 20.0;

#define CLUSTER                                                                                \
    "graph.nodes", "1000", "graph.held_out", "150", "engine.dims", "32", "engine.index",       \
        "flat", "engine.training", "16", "load.facts", "60", "load.repeat", "popularity",      \
        "load.audits", "0", "load.requests", "120", "engine.tiers.l1", "50",                   \
        "engine.tiers.l2", "900", "cluster.network.latency", "300us",                          \
        "cluster.network.jitter", "0", "cluster.network.reorder", "0"

typedef struct bed {
    const sim_options *options;
    uint64_t seed;
    uint64_t starts_ns[REQUESTS + 1]; /* by request id */
    bool started[REQUESTS + 1];
    uint32_t replies;
    uint32_t retried;
    uint32_t exact;  /* on the wire for 2 L */
    uint32_t joined; /* for L: another's write made it durable, whose time counts from there */
    uint32_t with[SIM_LEDGER_PART_COUNT];
    uint32_t kinds[CG_REQUEST_KIND_COUNT];
} bed;

static uint32_t on_stepped(void *context, const sim_observed_step *step) {
    bed *self = context;
    if (step->event->kind == CG_EVENT_REQUEST) {
        assert_in_range(step->event->id, 1, REQUESTS);
        self->starts_ns[step->event->id] = step->due_ns;
        self->started[step->event->id] = true;
        assert_int_equal(step->ledger->request_id, step->event->id);
    }
    assert_int_equal(sim_ledger_total_ns(step->ledger),
                     step->event->now_ns - step->ledger->start_ns);
    return 0;
}

static void check_wire(bed *self, const cg_reply *reply, const sim_ledger *ledger) {
    /* With replicas a record is on the wire while it is written: where another's write brings the
     * answer, the time until then is told by what was heard of the request last. */
    bool known = self->options->cluster.network.loss == 0.0 &&
                 self->options->engine.replicas == 0 &&
                 self->options->engine.acknowledge == SIM_ACKNOWLEDGE_PRIMARY;
    if (known && reply->tries <= 1 && reply->status == CG_OK &&
        reply->request == CG_REQUEST_ALLOCATE) {
        assert_true(ledger->wire_ns % latency_ns == 0 && ledger->wire_ns <= 2 * latency_ns);
        self->exact += ledger->wire_ns == 2 * latency_ns;
        self->joined += ledger->wire_ns == latency_ns;
    }
}

static void on_replied(void *context, uint32_t host, uint64_t now_ns, const cg_reply *reply,
                       const sim_ledger *ledger) {
    bed *self = context;
    (void)host;
    self->replies++;
    self->kinds[reply->request]++;
    if (!self->started[reply->request_id] ||
        ledger->start_ns != self->starts_ns[reply->request_id] ||
        sim_ledger_total_ns(ledger) != now_ns - ledger->start_ns) {
        fail_msg("seed %llu: request %llu, of %llu ns, is accounted for with %llu ns",
                 (unsigned long long)self->seed, (unsigned long long)reply->request_id,
                 (unsigned long long)(now_ns - self->starts_ns[reply->request_id]),
                 (unsigned long long)sim_ledger_total_ns(ledger));
    }
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
        self->with[part] += sim_ledger_part_ns(ledger, (sim_ledger_part)part) > 0;
    }
    if (reply->tries > 1) {
        self->retried++;
        if (ledger->retry_ns == 0 && self->options->load.rate_hz <= slow_hz) {
            fail_msg(
                "seed %llu: request %llu, a %s of %llu ns, took %u tries, and waited for none: "
                "queue %llu, wire %llu, compute %llu, disk %llu, tier %llu",
                (unsigned long long)self->seed, (unsigned long long)reply->request_id,
                cg_request_kind_name((cg_request_kind)reply->request),
                (unsigned long long)(now_ns - ledger->start_ns), reply->tries,
                (unsigned long long)ledger->queue_ns, (unsigned long long)ledger->wire_ns,
                (unsigned long long)ledger->compute_ns, (unsigned long long)ledger->disk_ns,
                (unsigned long long)ledger->tier_ns);
        }
    }
    check_wire(self, reply, ledger);
}

static void set(sim_options *options, const char *name, const char *value) {
    cg_error error = {0};
    assert_ok(sim_options_set(options, name, value, &error), error);
}

static void draw_options(sim_options *options, cg_stream *draws) {
    static const char *const hosts[] = {"1", "2", "3", "5"};
    static const char *const rates[] = {"20", "20", "20K"};
    static const char *const losses[] = {"0", "0", "0.1", "0.3"};
    set(options, "cluster.hosts", hosts[cg_stream_next_below(draws, 4)]);
    set(options, "cluster.cores", cg_stream_next_below(draws, 2) ? "1" : "3");
    set(options, "load.rate", rates[cg_stream_next_below(draws, 3)]);
    set(options, "cluster.network.loss", losses[cg_stream_next_below(draws, 4)]);
    set(options, "cluster.network.duplicate", losses[cg_stream_next_below(draws, 4)]);
    set(options, "engine.acknowledge", cg_stream_next_below(draws, 2) ? "all" : "primary");
    set(options, "engine.tries", "50");
    set(options, "engine.timeout", "500ms");
    set(options, "load.recall", "0.2");
    set(options, "load.batch", "0.2");
    set(options, "load.batch_size", "5");
    set(options, "load.deallocate", "0.1");
    set(options, "load.spread", "0.1");
    set(options, "load.keys", "20");
    options->seed = cg_stream_next(draws);
    set(options, "engine.replicas", cg_stream_next_below(draws, 3) ? "0" : "1");
}

static void run(bed *self, const sim_options *options, const sim_ground *ground) {
    sim_observer observer = {.stepped = on_stepped, .replied = on_replied, .context = self};
    sim_profile profile;
    sim_rows *rows = NULL;
    cg_error error = {0};
    uint64_t fingerprints[2] = {0, 0};
    bool compare = self->seed % 4 == 0;
    for (int observed = !compare; observed < 2; observed++) {
        FILE *nothing = fopen("/dev/null", "w");
        assert_non_null(nothing);
        assert_ok(sim_profile_read("scenarios/profiles/reference.tsv", &profile, &error),
                  error);
        assert_ok(sim_rows_alloc(nothing, &rows, &error), error);
        sim_point_input input = {.options = options,
                                 .ground = ground,
                                 .profile = &profile,
                                 .loop = SIM_LOOP_BARE,
                                 .observer = observed ? &observer : NULL};
        assert_ok(sim_point_run(&input, rows, &fingerprints[observed], &error), error);
        sim_rows_free(rows);
        (void)fclose(nothing);
    }
    assert_true(!compare || fingerprints[0] == fingerprints[1]); /* who looks changes nothing */
    assert_int_equal(self->replies, REQUESTS);
}

static void test_all_adds_up(void **state) {
    (void)state;
    static sim_options base;
    static sim_options options;
    const char *const settings[] = {CLUSTER, NULL};
    uint64_t first = support_seed(70);
    bed all = {0};
    point_options(&base, settings);
    sim_ground *ground = point_ground(&base);
    for (uint64_t seed = first; seed < first + RUNS; seed++) {
        cg_stream draws = cg_stream_init(seed, "ledger.test", 0);
        cg_error error = {0};
        bed self = {.options = &options, .seed = seed};
        options = base;
        draw_options(&options, &draws);
        assert_ok(sim_options_check(&options, &error), error);
        run(&self, &options, ground);
        all.replies += self.replies;
        all.retried += self.retried;
        all.exact += self.exact;
        all.joined += self.joined;
        for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
            all.with[part] += self.with[part];
        }
        for (int kind = 0; kind <= CG_REQUEST_SPREAD; kind++) {
            all.kinds[kind] += self.kinds[kind];
        }
    }
    sim_ground_free(ground);
    print_message(
        "%u replies, %u after more than one try, %u with a known time on the wire; with "
        "time in queue %u, wire %u, compute %u, disk %u, tier %u, retry %u\n",
        all.replies, all.retried, all.exact, all.with[SIM_LEDGER_QUEUE],
        all.with[SIM_LEDGER_WIRE], all.with[SIM_LEDGER_COMPUTE], all.with[SIM_LEDGER_DISK],
        all.with[SIM_LEDGER_TIER], all.with[SIM_LEDGER_RETRY]);
    /* All of it was really there. */
    assert_true(all.retried > 50 && all.exact > 60 && all.joined < all.exact / 4);
    for (int part = 0; part < SIM_LEDGER_PART_COUNT; part++) {
        assert_true(all.with[part] > 100);
    }
    for (int kind = 0; kind <= CG_REQUEST_SPREAD; kind++) {
        assert_true(all.kinds[kind] > 50);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
