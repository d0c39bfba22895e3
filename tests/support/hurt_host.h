/* A host that is hurt: a fake node that does what a request's label says, and what its clients
 * were told. */
#ifndef CG_TESTS_SUPPORT_HURT_HOST_H
#define CG_TESTS_SUPPORT_HURT_HOST_H

#include <stdlib.h>
#include <string.h>

#include "sim/host/host_fault.h"
#include "tests/support/support.h"

/* --- a fake node ----------------------------------------------------------- */

/* What a request is to do: its label. */
enum { DO_ANSWER, DO_WRITE, DO_WAIT, DO_SEND_SELF, DO_NOTHING, DO_READ };

enum { SEEN_MAX = 512, BYTES_MAX = 4096 };

typedef struct seen {
    cg_event_kind kind;
    uint64_t now_ns;
    uint64_t wall_ns;
    uint64_t id;
    uint32_t flags;
    uint64_t core_busy_ns;
} seen;

typedef struct answer {
    uint32_t count;
    uint32_t order; /* among all answers */
    uint64_t at_ns;
    cg_status status;
    cg_request_kind request;
    sim_ledger ledger;
} answer;

typedef struct fake {
    uint64_t life;
    uint64_t lives[8];
    uint64_t sound_bytes;  /* a START cuts the journal off behind them; 0: it does not */
    bool cuts_altered;     /* ... and what is left counts as new in the life that begins */
    uint64_t disk_life;    /* of the last START */
    uint64_t replay_steps; /* work of a START: on a core ... */
    uint64_t replay_reads; /* ... and on the disk */
    uint64_t steps;
    uint64_t fail_restart_at; /* the n-th fails; 0: none */
    seen events[SEEN_MAX];
    size_t event_count;
    uint8_t started_with[BYTES_MAX];
    size_t started_with_bytes;
    answer answers[SEEN_MAX];
    uint32_t answer_count;
    uint8_t next_byte; /* of what is written: counts on */
} fake;

static inline cg_status add(cg_outputs *outputs, cg_output output, size_t size_bytes,
                            uint8_t **bytes, cg_error *error) {
    return cg_outputs_add(outputs, &output, size_bytes, bytes, error);
}

static inline cg_status obey(fake *node, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    uint8_t *bytes = NULL;
    cg_status status = CG_OK;
    switch (event->label) {
    case DO_WRITE: /* hops: bytes */
        status = add(outputs, (cg_output){.kind = CG_OUTPUT_WRITE, .id = event->id},
                     event->hops, &bytes, error);
        for (uint32_t i = 0; status == CG_OK && i < event->hops; i++) {
            bytes[i] = node->next_byte++;
        }
        return status;
    case DO_WAIT:
        return add(outputs,
                   (cg_output){.kind = CG_OUTPUT_TIMER,
                               .id = event->id,
                               .at_ns = event->now_ns + event->hops},
                   0, NULL, error);
    case DO_SEND_SELF:
        status = add(outputs, (cg_output){.kind = CG_OUTPUT_SEND, .to = 1}, 8, &bytes, error);
        if (status == CG_OK) {
            memset(bytes, 1, 8);
        }
        return status;
    case DO_NOTHING:
        return CG_OK;
    case DO_READ:
        cg_work_count(&outputs->work, CG_WORK_TIER_L1, 1, 0);
        cg_work_count(&outputs->work, CG_WORK_TIER_STORE, 1, 0);
        break;
    default:
        break;
    }
    return add(outputs,
               (cg_output){.kind = CG_OUTPUT_REPLY, .reply = {.request_id = event->id}}, 0,
               NULL, error);
}

static inline cg_status cut_journal(const fake *node, uint64_t life, cg_outputs *outputs,
                                    cg_error *error) {
    cg_output truncate = {.kind = CG_OUTPUT_TRUNCATE, .id = node->cuts_altered ? life : 0};
    cg_status status = add(outputs, truncate, 0, NULL, error);
    if (status == CG_OK) {
        outputs->items[outputs->count - 1].size_bytes = node->sound_bytes;
    }
    return status;
}

static inline cg_status step(void *context, const cg_event *event, cg_outputs *outputs,
                             cg_error *error) {
    fake *node = context;
    CG_ASSERT(node->event_count < SEEN_MAX);
    node->events[node->event_count++] = (seen){event->kind, event->now_ns, event->wall_ns,
                                               event->id,   event->flags,  event->core_busy_ns};
    cg_work_count(&outputs->work, CG_WORK_STEP, node->steps, 0);
    switch (event->kind) {
    case CG_EVENT_START:
        CG_ASSERT(event->size_bytes <= BYTES_MAX);
        if (event->size_bytes > 0) {
            memcpy(node->started_with, event->bytes, event->size_bytes);
        }
        node->started_with_bytes = event->size_bytes;
        node->disk_life = event->disk_life;
        cg_work_count(&outputs->work, CG_WORK_STEP, node->replay_steps, 0);
        cg_work_count(&outputs->work, CG_WORK_TIER_STORE, node->replay_reads, 0);
        return node->sound_bytes > 0 ? cut_journal(node, event->id, outputs, error) : CG_OK;
    case CG_EVENT_REQUEST:
        return obey(node, event, outputs, error);
    case CG_EVENT_STORAGE_DONE:
    case CG_EVENT_TIMER:
        return add(outputs,
                   (cg_output){.kind = CG_OUTPUT_REPLY, .reply = {.request_id = event->id}}, 0,
                   NULL, error);
    default:
        return CG_OK;
    }
}

static inline cg_status restart(void *context, uint64_t life, cg_error *error) {
    fake *node = context;
    if (node->fail_restart_at == life) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for life %llu",
                            (unsigned long long)life);
    }
    node->lives[node->life++ % 8] = life;
    return CG_OK;
}

static inline cg_status on_reply(void *context, uint32_t host, uint64_t now_ns,
                                 const cg_reply *reply, const sim_ledger *ledger,
                                 cg_error *error) {
    (void)error;
    fake *node = context;
    assert_int_equal(host, 1);
    assert_int_equal(ledger->mark_ns, now_ns);
    assert_int_equal(sim_ledger_total_ns(ledger), now_ns - ledger->start_ns);
    assert_true(reply->request_id < SEEN_MAX);
    answer *given = &node->answers[reply->request_id];
    given->count++;
    given->order = node->answer_count++;
    given->at_ns = now_ns;
    given->status = reply->status;
    given->request = (cg_request_kind)reply->request;
    given->ledger = *ledger;
    return CG_OK;
}

/* step 100 ns and tier_l1 50 ns on a core; tier_store 1,000 ns, and disk_write 500 ns + 1 ns a byte, on the disk. */
static inline sim_profile profile_of_test(void) {
    sim_profile profile = {0};
    profile.entries[CG_WORK_STEP].fixed_ps = 100000;
    profile.entries[CG_WORK_TIER_L1].fixed_ps = 50000;
    profile.entries[CG_WORK_TIER_STORE] =
        (sim_profile_entry){.fixed_ps = 1000000, .resource = SIM_RESOURCE_DISK};
    profile.entries[CG_WORK_DISK_WRITE] = (sim_profile_entry){
        .fixed_ps = 500000, .per_unit_ps = 1000, .resource = SIM_RESOURCE_DISK};
    return profile;
}

static inline sim_host *make_with(fake *node, sim_host_options options) {
    sim_profile profile = profile_of_test();
    sim_machine machine = {.step = step, .restart = restart, .context = node};
    sim_host_sink sink = {.reply = on_reply, .context = node};
    sim_host *host = NULL;
    cg_error error;
    assert_ok(
        sim_host_alloc(&options, &machine, &profile, &sink, cg_allocator_heap(), &host, &error),
        error);
    return host;
}

static const sim_host_options usual = {
    .host = 1, .hosts = 4, .cores = 1, .seed = 5, .keeps_journal = true};

static inline fake *fresh(void) {
    fake *node = calloc(1, sizeof *node);
    assert_non_null(node);
    node->steps = 1;
    return node;
}

static inline void request(sim_host *host, uint64_t id, uint64_t due_ns, uint32_t what,
                           uint32_t amount) {
    sim_delivery delivery = {.kind = CG_EVENT_REQUEST,
                             .due_ns = due_ns,
                             .sequence = id,
                             .id = id,
                             .label = what,
                             .hops = amount,
                             .request = (cg_request_kind)(id % CG_REQUEST_KIND_COUNT)};
    cg_error error;
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
}

static inline void message(sim_host *host, uint32_t sender, uint64_t sequence,
                           uint64_t due_ns) {
    sim_delivery delivery = {.kind = CG_EVENT_MESSAGE,
                             .sender = sender,
                             .due_ns = due_ns,
                             .sequence = sequence,
                             .bytes = (const uint8_t *)"hello",
                             .size_bytes = 5};
    cg_error error;
    assert_ok(sim_host_deliver(host, &delivery, &error), error);
}

static inline void hurt(sim_host *host, sim_host_fault fault) {
    cg_error error;
    assert_ok(sim_host_fault_at(host, &fault, &error), error);
}

static inline void run(sim_host *host) {
    cg_error error;
    for (uint64_t now_ns; (now_ns = sim_host_next_ns(host)) != UINT64_MAX;) {
        assert_ok(sim_host_advance(host, now_ns, &error), error);
    }
    assert_int_equal(sim_host_waiting(host), 0);
    assert_int_equal(sim_host_running(host), 0);
}

static inline void assert_answer(const fake *node, uint64_t id, cg_status status,
                                 uint64_t at_ns) {
    const answer *given = &node->answers[id];
    if (given->count != 1 || given->status != status || given->at_ns != at_ns) {
        fail_msg("request %llu: %u answers, %s at %llu", (unsigned long long)id, given->count,
                 cg_status_name(given->status), (unsigned long long)given->at_ns);
    }
}

static inline void clear(fake *node, sim_host *host) {
    sim_host_free(host);
    free(node);
}

#endif
