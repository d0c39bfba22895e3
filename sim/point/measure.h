/* What is recorded of one point while it runs: one record a request, and samples along the time
 * line.
 */
#ifndef SIM_POINT_MEASURE_H
#define SIM_POINT_MEASURE_H

#include "engine/base/histogram.h"
#include "engine/node/node.h"
#include "sim/point/facts.h"
#include "sim/trace/ledger.h"
#include "sim/workload/workload.h"

typedef struct sim_request_record {
    uint64_t start_ns; /* intended */
    uint32_t fact;
    uint32_t space;
    bool replied;
    uint64_t replied_ns;
    sim_ledger ledger;
    cg_reply reply;
    /* Of the true answer (sim_facts_answer) among the alternatives, from 1; 0: not among them. */
    uint32_t answer_rank;
    bool winner_near; /* a true answer is within two hops of the winner */
    bool answer_near; /* ... of an alternative */
} sim_request_record;

typedef struct sim_sample { /* the state at time_ns */
    uint64_t time_ns;
    uint64_t open_requests;
    uint64_t backlog_records; /* durable at a primary, not yet acknowledged by its replica */
    /* Of host 0: what adaptation and the controllers have set. */
    uint32_t prefetch;
    uint32_t batch[CG_TIER_LEVELS_MAX];
    uint64_t l1_capacity;
    uint64_t permits;
} sim_sample;

typedef struct sim_alert {
    uint64_t time_ns;
    cg_severity severity;
    char text[CG_MONITOR_TEXT_BYTES + 16]; /* "host 3: " and the sentence */
} sim_alert;

typedef struct sim_mark { /* what was done to the network, when */
    uint64_t time_ns;
    const char *kind; /* sim_fault_name, or "note" */
    char text[256];
} sim_mark;

typedef struct sim_measure {
    const sim_facts *facts;
    sim_request_record *requests; /* [request_count]; request id i + 1 is requests[i] */
    uint32_t request_count;
    uint32_t replied_count;
    uint64_t last_reply_ns;
    uint64_t merged_ns; /* when all hosts had the same edges, after the last answer; 0: never */
    uint32_t offered_count;   /* whose intended start had come when last asked */
    cg_histogram answered_ns; /* latencies of all acknowledged so far, for live metrics */
    sim_sample *samples;
    size_t sample_count;
    size_t sample_capacity;
    sim_mark *marks;
    size_t mark_count;
    size_t mark_capacity;
    sim_alert *alerts;
    size_t alert_count;
    size_t alert_capacity;
    cg_allocator allocator;
} sim_measure;

cg_status sim_measure_init(sim_measure *measure, const sim_facts *facts,
                           const sim_workload *workload, cg_error *error);
void sim_measure_deinit(sim_measure *measure);

/* A client was answered. A second answer to the same request is an error of the program. */
cg_status sim_measure_reply(sim_measure *measure, uint64_t now_ns, const cg_reply *reply,
                            const sim_ledger *ledger, cg_error *error);
/* How many requests' intended start has come by now_ns, which never goes back. */
uint32_t sim_measure_offered(sim_measure *measure, uint64_t now_ns);
cg_status sim_measure_sample(sim_measure *measure, const sim_sample *sample, cg_error *error);
cg_status sim_measure_mark(sim_measure *measure, uint64_t time_ns, const char *kind,
                           const char *text, cg_error *error);

cg_status sim_measure_alert(sim_measure *measure, uint64_t time_ns, uint32_t host,
                            cg_severity severity, const char *text, cg_error *error);

/* What was to be done after the run had ended was not done: forgets marks after ended_ns. */
void sim_measure_end(sim_measure *measure, uint64_t ended_ns);

/* The part of the run in which a request began, by the partitions that were marked. */
typedef enum sim_phase {
    SIM_PHASE_WHOLE,  /* there was no partition */
    SIM_PHASE_BEFORE, /* the first partition */
    SIM_PHASE_DURING, /* a partition */
    SIM_PHASE_AFTER   /* a heal, with no partition since */
} sim_phase;
sim_phase sim_measure_phase(const sim_measure *measure, uint64_t time_ns);

static inline bool sim_request_acknowledged(const sim_request_record *request) {
    const cg_reply *reply = &request->reply; /* that a fact is not there answers a get */
    bool is_no = reply->request == CG_REQUEST_GET && reply->status == CG_ERROR_NOT_FOUND;
    return request->replied &&
           (reply->status == CG_OK || reply->status == CG_ERROR_PARTIAL || is_no);
}

/* Acknowledged, and a decision of one fact. */
static inline bool sim_request_judged(const sim_request_record *request) {
    return sim_request_acknowledged(request) && request->reply.request == CG_REQUEST_ALLOCATE;
}

#endif
