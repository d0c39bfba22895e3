#include "sim/calibrate/requests.h"

#include <string.h>

#include "engine/node/node.h"
#include "sim/calibrate/stopwatch.h"
#include "sim/point/engine_options.h"

enum { MIX = 16, HOPS = 2, EVENTS_MAX = 64 };
static const uint64_t gap_ns = 1000000; /* between requests, of the node's own time */

/* What comes back of what steps put out, first come first served. */
typedef struct waiting {
    cg_event events[EVENTS_MAX];
    uint32_t first;
    uint32_t count;
} waiting;

typedef struct timed_run {
    const sim_ground *ground;
    cg_node *node;
    cg_outputs outputs;
    waiting waiting;
    uint64_t now_ns;
    uint64_t overhead_ns;
    uint64_t last_allocation;
} timed_run;

static cg_status push(timed_run *run, const cg_output *output, cg_error *error) {
    waiting *queue = &run->waiting;
    cg_event event = {.now_ns = run->now_ns, .id = output->id};
    switch (output->kind) {
    case CG_OUTPUT_WRITE:
        event.kind = CG_EVENT_STORAGE_DONE;
        break;
    case CG_OUTPUT_READ:
        event.kind = CG_EVENT_READ_DONE;
        break;
    case CG_OUTPUT_SEND: /* a host alone has nobody to send to */
        return cg_error_set(error, CG_ERROR_INVALID, "a host that is alone sent a message");
    default:
        return CG_OK; /* replies, timers and alerts end here */
    }
    if (queue->count == EVENTS_MAX) {
        return cg_error_set(error, CG_ERROR_FULL,
                            "a request of one host put out more than %d events at once",
                            (int)EVENTS_MAX);
    }
    queue->events[(queue->first + queue->count++) % EVENTS_MAX] = event;
    return CG_OK;
}

static cg_status step(timed_run *run, const cg_event *event, sim_timed_request *request,
                      cg_error *error) {
    uint64_t from = sim_stopwatch_ns();
    cg_status status = cg_node_step(run->node, event, &run->outputs, error);
    uint64_t passed = sim_stopwatch_ns() - from;
    request->wall_ns += passed > run->overhead_ns ? (double)(passed - run->overhead_ns) : 1.0;
    cg_work_add(&request->work, &run->outputs.work);
    for (size_t i = 0; status == CG_OK && i < run->outputs.count; i++) {
        status = push(run, &run->outputs.items[i], error);
    }
    return status;
}

static cg_event event_of(timed_run *run, uint32_t number) {
    uint32_t place = number % MIX;
    cg_event event = {.kind = CG_EVENT_REQUEST, .id = (uint64_t)number + 1};
    event.request = place % 5 == 3   ? CG_REQUEST_SEARCH
                    : place % 8 == 6 ? CG_REQUEST_SPREAD
                    : place == 15    ? CG_REQUEST_GET
                                     : CG_REQUEST_ALLOCATE;
    uint32_t size_bytes = 0;
    uint32_t fact = number % sim_ground_fact_count(run->ground);
    event.bytes = (const uint8_t *)sim_ground_fact_text(run->ground, fact, &size_bytes);
    event.size_bytes = size_bytes;
    if (event.request == CG_REQUEST_GET) {
        event.target = run->last_allocation;
        event.bytes = NULL;
        event.size_bytes = 0;
    } else if (event.request == CG_REQUEST_SPREAD) {
        event.flags = CG_REQUEST_TEXT;
        event.hops = HOPS;
    } else if (event.request == CG_REQUEST_ALLOCATE) {
        run->last_allocation = event.id;
    }
    return event;
}

static cg_status one_request(timed_run *run, uint32_t number, sim_timed_request *out,
                             cg_error *error) {
    cg_event event = event_of(run, number);
    run->now_ns += gap_ns;
    event.now_ns = run->now_ns;
    *out = (sim_timed_request){.kind = event.request};
    cg_status status = step(run, &event, out, error);
    waiting *queue = &run->waiting;
    while (status == CG_OK && queue->count > 0) {
        const cg_event next = queue->events[queue->first];
        queue->first = (queue->first + 1) % EVENTS_MAX;
        queue->count--;
        status = step(run, &next, out, error);
    }
    out->work.operations[CG_WORK_DISK_WRITE] = 0;
    out->work.units[CG_WORK_DISK_WRITE] = 0;
    return status;
}

static cg_status keep(const sim_timed_request *measured, bool is_first, uint32_t number,
                      sim_timed_request *out, cg_error *error) {
    if (is_first) {
        *out = *measured;
        return CG_OK;
    }
    if (memcmp(&out->work, &measured->work, sizeof out->work) != 0) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "request %u did other work in another run of the same requests",
                            number);
    }
    out->wall_ns = measured->wall_ns < out->wall_ns ? measured->wall_ns : out->wall_ns;
    return CG_OK;
}

static cg_status one_run(const sim_ground *ground, const sim_options *options, uint32_t count,
                         bool is_first, sim_timed_request *out, cg_error *error) {
    timed_run run = {.ground = ground, .overhead_ns = sim_stopwatch_overhead_ns()};
    cg_node_options node = sim_engine_node(options, 0);
    cg_status status =
        cg_node_alloc(&node, sim_ground_corpus(ground), cg_allocator_heap(), &run.node, error);
    cg_outputs_init(&run.outputs, cg_allocator_heap());
    for (uint32_t i = 0; status == CG_OK && i < count; i++) {
        sim_timed_request measured;
        status = one_request(&run, i, &measured, error);
        if (status == CG_OK) {
            status = keep(&measured, is_first, i, &out[i], error);
        }
    }
    cg_outputs_deinit(&run.outputs);
    cg_node_free(run.node);
    return status;
}

cg_status sim_time_requests(const sim_ground *ground, const sim_options *options,
                            const sim_timing_options *timing, sim_timed_request *out,
                            cg_error *error) {
    if (!sim_ground_corpus(ground) || sim_ground_fact_count(ground) == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "requests can be timed on a graph with texts and facts only");
    }
    return one_run(ground, options, timing->count, timing->run == 0, out, error);
}
