/* Goal: seeded programs of operations do to admission exactly what they do to a naive model
 * that scans a plain list: the same verdicts, the same order, the same accounts; and nobody
 * starves.
 */
#include <stdio.h>
#include <string.h>

#include "engine/service/admission.h"
#include "tests/support/support.h"

enum { CLIENTS = 120, LIST_MAX = 128, OPERATIONS = 60000, MODEL_IDLE_LEAST = 16 };

typedef struct model_request {
    cg_ticket ticket;
    uint64_t arrived_ns;
    uint64_t due_ns;
    uint64_t sequence;
    bool is_overdue;
    uint64_t waiting_when_due; /* and what was granted since */
    uint64_t grants_since_due;
} model_request;

typedef struct model_flow {
    bool known;
    uint64_t tag; /* start tag of the first that waits, else last finish tag */
} model_flow;

typedef struct model {
    cg_admission_options options;
    cg_admission_statistics statistics;
    model_request list[LIST_MAX];
    uint32_t count;
    model_flow flows[CG_PRIORITY_COUNT][CLIENTS];
    uint64_t virtual_time[CG_PRIORITY_COUNT];
    uint64_t sequence;
    uint64_t clock_ns;
    uint64_t in_order;
    uint64_t mean_eighths;
    uint64_t forgotten;
    uint64_t memory_errors;
    uint64_t overdue_seen;
} model;

static model oracle;

static uint64_t model_waiting(uint32_t priority, int64_t client) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < oracle.count; i++) {
        const cg_ticket *ticket = &oracle.list[i].ticket;
        count += ticket->priority == priority && (client < 0 || ticket->client == client);
    }
    return count;
}

/* Idle flows that say nothing are not known; of the others only so many are. */
static void model_forget(uint32_t priority) {
    uint64_t idle = 0;
    uint32_t least = CLIENTS;
    for (uint32_t c = 0; c < CLIENTS; c++) {
        model_flow *flow = &oracle.flows[priority][c];
        if (!flow->known || model_waiting(priority, c) > 0) {
            continue;
        }
        if (flow->tag <= oracle.virtual_time[priority]) {
            flow->known = false;
            continue;
        }
        idle++;
        if (least == CLIENTS || flow->tag < oracle.flows[priority][least].tag) {
            least = c;
        }
    }
    if (idle > oracle.options.queue_max / 4 + MODEL_IDLE_LEAST) {
        oracle.flows[priority][least].known = false;
        oracle.forgotten++;
    }
}

static uint64_t model_start_tag(uint32_t priority, uint32_t client) {
    const model_flow *flow = &oracle.flows[priority][client];
    uint64_t now = oracle.virtual_time[priority];
    return flow->known && flow->tag > now ? flow->tag : now;
}

static uint64_t model_forecast(uint32_t priority, int64_t client) {
    const cg_admission_statistics *s = &oracle.statistics;
    if (s->running < s->permits && oracle.count == 0) {
        return 0;
    }
    uint64_t ahead = 1;
    for (uint32_t p = priority + 1; p < CG_PRIORITY_COUNT; p++) {
        ahead += model_waiting(p, -1);
    }
    uint64_t level = model_waiting(priority, -1);
    if (client >= 0) {
        uint64_t own = model_waiting(priority, client);
        uint64_t fair = own;
        for (uint32_t c = 0; c < CLIENTS; c++) {
            fair += c != client && model_waiting(priority, c) > 0 ? own + 1 : 0;
        }
        level = fair < level ? fair : level;
    }
    ahead += level + (s->running > s->permits ? s->running - s->permits : 0);
    return ahead * (oracle.mean_eighths / 8) / s->permits;
}

static void model_see_time(uint64_t now_ns) {
    oracle.clock_ns = now_ns > oracle.clock_ns ? now_ns : oracle.clock_ns;
    for (uint32_t i = 0; i < oracle.count; i++) {
        model_request *request = &oracle.list[i];
        if (!request->is_overdue && request->due_ns <= oracle.clock_ns) {
            request->is_overdue = true;
            request->waiting_when_due = oracle.count;
            oracle.overdue_seen++;
        }
    }
}

/* Before the offer is counted. */
static cg_admission_verdict model_verdict(const cg_ticket *ticket, uint64_t **reason) {
    cg_admission_statistics *s = &oracle.statistics;
    const cg_admission_options *o = &oracle.options;
    if (s->running < s->permits && oracle.count == 0) {
        return CG_ADMISSION_RUN;
    }
    *reason = NULL;
    if (oracle.count >= o->queue_max * o->share_percent[ticket->priority] / 100) {
        *reason = &s->shed_queue;
    } else if (o->client_max > 0 &&
               model_waiting(ticket->priority, ticket->client) >= o->client_max) {
        *reason = &s->shed_client;
    } else if (o->wait_max_ns > 0 &&
               model_forecast(ticket->priority, ticket->client) > o->wait_max_ns) {
        *reason = &s->shed_wait;
    }
    return *reason ? CG_ADMISSION_SHED : CG_ADMISSION_WAIT;
}

static void model_offer(const cg_ticket *ticket, cg_admission_verdict verdict,
                        uint64_t *reason) {
    cg_admission_statistics *s = &oracle.statistics;
    uint32_t p = ticket->priority;
    s->offered_by_priority[p]++;
    if (verdict == CG_ADMISSION_SHED) {
        *reason += 1;
        s->shed_by_priority[p]++;
        return;
    }
    uint64_t tag = model_start_tag(p, ticket->client);
    model_flow *flow = &oracle.flows[p][ticket->client];
    if (verdict == CG_ADMISSION_RUN) {
        s->running++;
        s->run_at_once++;
        oracle.virtual_time[p] = tag;
        *flow = (model_flow){true, tag + ticket->cost};
        model_forget(p);
        return;
    }
    if (model_waiting(p, ticket->client) == 0) {
        *flow = (model_flow){true, tag};
    }
    oracle.list[oracle.count++] = (model_request){
        .ticket = *ticket,
        .arrived_ns = oracle.clock_ns,
        .due_ns = oracle.clock_ns + (4 - p) * oracle.options.age_ns,
        .sequence = oracle.sequence++,
    };
    s->queued++;
}

/* The first of its client and priority, in the highest priority, by tag and arrival. */
static uint32_t model_in_turn(void) {
    uint32_t best = LIST_MAX;
    for (uint32_t i = 0; i < oracle.count; i++) {
        const cg_ticket *mine = &oracle.list[i].ticket;
        bool first = true;
        for (uint32_t j = 0; j < i; j++) { /* the list is in the order of arrival */
            first = first && !(oracle.list[j].ticket.priority == mine->priority &&
                               oracle.list[j].ticket.client == mine->client);
        }
        if (!first) {
            continue;
        }
        if (best == LIST_MAX) {
            best = i;
            continue;
        }
        const cg_ticket *other = &oracle.list[best].ticket;
        uint64_t tag = oracle.flows[mine->priority][mine->client].tag;
        uint64_t other_tag = oracle.flows[other->priority][other->client].tag;
        if (mine->priority > other->priority ||
            (mine->priority == other->priority && tag < other_tag)) {
            best = i;
        }
    }
    return best;
}

static uint32_t model_choose(void) {
    uint32_t in_turn = model_in_turn();
    uint32_t overdue = LIST_MAX;
    for (uint32_t i = 0; i < oracle.count; i++) {
        if (oracle.list[i].due_ns <= oracle.clock_ns &&
            (overdue == LIST_MAX || oracle.list[i].due_ns < oracle.list[overdue].due_ns)) {
            overdue = i;
        }
    }
    if (overdue == in_turn) {
        oracle.in_order = 0;
        return in_turn;
    }
    if (overdue != LIST_MAX && oracle.in_order >= 3) {
        oracle.in_order = 0;
        oracle.statistics.overdue++;
        return overdue;
    }
    oracle.in_order++;
    return in_turn;
}

static void model_drop(uint32_t at) {
    oracle.count--;
    memmove(&oracle.list[at], &oracle.list[at + 1],
            (oracle.count - at) * sizeof oracle.list[0]);
}

/* False when nobody may go. */
static bool model_next(uint64_t *id) {
    cg_admission_statistics *s = &oracle.statistics;
    if (oracle.count == 0 || s->running >= s->permits) {
        return false;
    }
    uint32_t at = model_choose();
    model_request chosen = oracle.list[at];
    for (uint32_t i = 0; i < oracle.count; i++) {
        oracle.list[i].grants_since_due += oracle.list[i].is_overdue;
    }
    /* No starvation, as admission.h proves it. */
    if (chosen.is_overdue) {
        assert_true(chosen.grants_since_due + 1 <= 4 * chosen.waiting_when_due);
    }
    uint32_t p = chosen.ticket.priority;
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < oracle.count; i++) {
        const cg_ticket *ticket = &oracle.list[i].ticket;
        uint64_t tag = oracle.flows[p][ticket->client].tag;
        least = ticket->priority == p && tag < least ? tag : least;
    }
    oracle.virtual_time[p] = least;
    oracle.flows[p][chosen.ticket.client].tag += chosen.ticket.cost;
    model_drop(at);
    model_forget(p);
    uint64_t waited_ns = oracle.clock_ns - chosen.arrived_ns;
    s->longest_wait_ns = waited_ns > s->longest_wait_ns ? waited_ns : s->longest_wait_ns;
    s->running++;
    s->started++;
    *id = chosen.ticket.id;
    return true;
}

static void model_done(uint64_t service_ns) {
    cg_admission_statistics *s = &oracle.statistics;
    oracle.mean_eighths = s->done == 0
                              ? service_ns * 8
                              : oracle.mean_eighths + service_ns - oracle.mean_eighths / 8;
    s->running--;
    s->done++;
    if (s->running == 0 && oracle.count == 0) {
        memset(oracle.flows, 0, sizeof oracle.flows);
    }
}

static void compare(const cg_admission *admission, cg_stream *stream) {
    cg_admission_statistics expected = oracle.statistics;
    expected.waiting = oracle.count;
    for (uint32_t p = 0; p < CG_PRIORITY_COUNT; p++) {
        expected.waiting_by_priority[p] = model_waiting(p, -1);
    }
    expected.mean_service_ns = oracle.mean_eighths / 8;
    cg_admission_statistics got = cg_admission_statistics_of(admission);
    assert_memory_equal(&got, &expected, sizeof got);
    assert_int_equal(got.queued, got.started + got.withdrawn + got.waiting);
    assert_int_equal(got.run_at_once + got.started, got.done + got.running);
    uint32_t p = (uint32_t)cg_stream_next_below(stream, CG_PRIORITY_COUNT);
    uint32_t client = (uint32_t)cg_stream_next_below(stream, CLIENTS);
    assert_int_equal(cg_admission_wait_forecast_ns(admission, (cg_priority)p),
                     model_forecast(p, -1));
    assert_int_equal(cg_admission_client_forecast_ns(admission, (cg_priority)p, client),
                     model_forecast(p, client));
}

typedef struct program {
    cg_admission *admission;
    cg_counting_allocator counting;
    cg_stream stream;
    uint32_t clients;
    uint32_t costs;
    uint64_t now_ns;
    uint64_t next_id;
} program;

static void step_offer(program *run) {
    cg_stream *stream = &run->stream;
    cg_ticket ticket = {
        .id = run->next_id++ * UINT64_C(0x9e3779b97f4a7c15),
        .client = (uint32_t)cg_stream_next_below(stream, run->clients),
        .cost = 1 + (uint32_t)cg_stream_next_below(stream, run->costs),
        .priority = (uint8_t)cg_stream_next_below(stream, CG_PRIORITY_COUNT),
    };
    if (run->costs == 1u << 20) {
        ticket.cost = (ticket.cost & 0xc0000u) + 1; /* many of one size: equal tags */
    } else if (cg_stream_next_below(stream, 2) == 0) {
        ticket.client %= 3; /* some send much */
    }
    cg_error error = {0};
    cg_admission_verdict verdict = (cg_admission_verdict)77;
    if (oracle.count > 0 && cg_stream_next_below(stream, 32) == 0) {
        ticket.id = oracle.list[cg_stream_next_below(stream, oracle.count)].ticket.id;
        assert_status(
            cg_admission_offer(run->admission, &ticket, run->now_ns + 5, &verdict, &error),
            CG_ERROR_EXISTS, error, "waits already");
        assert_int_equal(verdict, 77);
        return;
    }
    if (cg_stream_next_below(stream, 8) != 0) { /* memory is asked for rarely */
        run->counting.fail_at = 1 + cg_stream_next_below(stream, 4);
    }
    uint64_t armed = run->counting.fail_at;
    cg_status status =
        cg_admission_offer(run->admission, &ticket, run->now_ns, &verdict, &error);
    bool failed = armed != 0 && run->counting.fail_at == 0;
    run->counting.fail_at = 0;
    assert_int_equal(status, failed ? CG_ERROR_MEMORY : CG_OK);
    if (failed) {
        oracle.memory_errors++;
        assert_int_equal(verdict, 77);
        return;
    }
    model_see_time(run->now_ns);
    uint64_t *reason = NULL;
    cg_admission_verdict expected = model_verdict(&ticket, &reason);
    assert_int_equal(verdict, expected);
    model_offer(&ticket, expected, reason);
}

static void step_next(program *run) {
    uint64_t id = 1;
    uint64_t expected = 1;
    bool got = cg_admission_next(run->admission, run->now_ns, &id);
    model_see_time(run->now_ns);
    assert_int_equal(got, model_next(&expected));
    assert_int_equal(id, expected);
    assert_true(!got || oracle.statistics.running <= oracle.statistics.permits);
}

static void step_withdraw(program *run) {
    if (oracle.count == 0 || cg_stream_next_below(&run->stream, 4) == 0) {
        assert_false(
            cg_admission_withdraw(run->admission, run->next_id * UINT64_C(0x9e3779b97f4a7c15)));
        return;
    }
    uint32_t at = (uint32_t)cg_stream_next_below(&run->stream, oracle.count);
    const cg_ticket ticket = oracle.list[at].ticket;
    assert_true(cg_admission_withdraw(run->admission, ticket.id));
    assert_false(cg_admission_withdraw(run->admission, ticket.id));
    model_drop(at);
    model_forget(ticket.priority);
    oracle.statistics.withdrawn++;
}

static void step(program *run, uint64_t load) {
    run->now_ns += cg_stream_next_below(&run->stream, 20);
    uint64_t kind = cg_stream_next_below(&run->stream, 100);
    if (kind < load) {
        step_offer(run);
    } else if (kind < 90) {
        if (oracle.statistics.running > 0) {
            uint64_t service_ns = cg_stream_next_below(&run->stream, 200);
            cg_admission_done(run->admission, run->now_ns, service_ns);
            model_see_time(run->now_ns);
            model_done(service_ns);
        }
        if (kind % 8 != 0) { /* now and then the host forgets */
            step_next(run);
        }
    } else if (kind < 98) {
        step_withdraw(run);
    } else {
        uint32_t permits = 1 + (uint32_t)cg_stream_next_below(&run->stream, 6);
        cg_error error = {0};
        assert_ok(cg_admission_set_permits(run->admission, permits, &error), error);
        oracle.statistics.permits = permits;
        step_next(run);
    }
}

static void run_program(const cg_admission_options *options, uint32_t clients, uint32_t costs,
                        cg_stream stream) {
    program run = {.stream = stream, .clients = clients, .costs = costs};
    memset(&oracle, 0, sizeof oracle);
    oracle.options = *options;
    oracle.statistics.permits = options->permits;
    cg_counting_allocator_init(&run.counting, cg_allocator_heap());
    cg_error error = {0};
    assert_ok(cg_admission_alloc(options, cg_counting_allocator_view(&run.counting),
                                 &run.admission, &error),
              error);
    for (uint32_t i = 0; i < OPERATIONS / 4; i++) {
        step(&run, (i / 500) % 3 == 0 ? 25 : 60); /* idle and crowded times */
        compare(run.admission, &run.stream);
        assert_int_equal(cg_admission_bytes(run.admission), run.counting.live_bytes);
    }
    cg_admission_free(run.admission);
    assert_int_equal(run.counting.live_bytes, 0);
}

/* Goal: as the model, with few clients, with many, with dear and cheap requests, all bounds. */
static void test_program_against_model(void **state) {
    (void)state;
    uint64_t seed = support_seed(11);
    cg_admission_options options = {
        .permits = 3, .queue_max = 100, .age_ns = 400, .share_percent = {70, 85, 95, 100}};
    run_program(&options, 8, 20, cg_stream_init(seed, "test.admission", 0));
    assert_true(oracle.statistics.overdue > 100);
    assert_true(oracle.statistics.shed_queue > 100);
    assert_true(oracle.statistics.withdrawn > 100);
    assert_true(oracle.overdue_seen > 100);
    options.age_ns = CG_ADMISSION_AGE_NS_MAX;
    run_program(&options, 8, 3, cg_stream_init(seed, "test.admission", 1));
    assert_int_equal(oracle.statistics.overdue, 0);
    options.queue_max = 24;
    options.client_max = 3;
    options.wait_max_ns = 700;
    options.age_ns = 2000;
    run_program(&options, CLIENTS, 1000, cg_stream_init(seed, "test.admission", 2));
    assert_true(oracle.statistics.shed_client > 100);
    assert_true(oracle.statistics.shed_wait > 100);
    assert_true(oracle.memory_errors > 5);
    /* 18 idle clients a priority are remembered, of many that make one large request each. */
    options.queue_max = 8;
    options.wait_max_ns = 0;
    run_program(&options, CLIENTS, 1u << 20, cg_stream_init(seed, "test.admission", 5));
    print_message("forgotten %u\n", (unsigned)oracle.forgotten);
    assert_true(oracle.forgotten > 20);
    options.queue_max = 0;
    options.client_max = 0;
    run_program(&options, 8, 3, cg_stream_init(seed, "test.admission", 3));
    assert_int_equal(oracle.statistics.queued, 0);
    options.queue_max = 50;
    options.permits = 1;
    run_program(&options, 2, UINT32_MAX, cg_stream_init(seed, "test.admission", 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_program_against_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
