/* A load, step by step: how many requests, when, of which kind, from whom, and of what. */
#include "sim/workload/workload.h"

#include <string.h>

#include "engine/base/math.h"
#include "engine/base/prng.h"
#include "sim/scenario/time_limit.h"
#include "sim/workload/arrival.h"
#include "sim/workload/recall.h"
#include "sim/workload/space_loads.h"

typedef struct planner {
    const sim_workload_input *input;
    sim_periods periods;
    sim_weights weights; /* read where the law is measured */
    sim_workload *workload;
    cg_error *error;
} planner;

static bool takes_facts(const sim_load_options *load) {
    return load->recall + load->spread < 1.0 - 1e-9; /* as load_check.c adds shares up */
}

/* Different facts that the load may use. */
static uint32_t pool_of(const sim_workload_input *input) {
    return input->load->facts < input->facts ? input->load->facts : input->facts;
}

/* --- checks --------------------------------------------------------------- */

static cg_status check_input(const planner *self) {
    const sim_workload_input *input = self->input;
    bool facts_wanted = false;
    for (uint32_t i = 0; i < self->periods.count; i++) {
        const sim_load_options *load = &self->periods.list[i].load;
        facts_wanted = facts_wanted || takes_facts(load);
        if (!(load->rate_hz > 0.0) || load->start_ns > SIM_TIME_MAX_NS) {
            return cg_error_set(
                self->error, CG_ERROR_INVALID,
                "load: rate %g/s from %llu ns; the rate must be positive, and the start "
                "within " SIM_TIME_MAX_TEXT,
                load->rate_hz, (unsigned long long)load->start_ns);
        }
    }
    if ((facts_wanted && pool_of(input) == 0) || input->hosts == 0) {
        return cg_error_set(
            self->error, CG_ERROR_INVALID,
            "load: %u facts wanted of %u that there are, for %u hosts; it takes at "
            "least one of each",
            input->load->facts, input->facts, input->hosts);
    }
    return CG_OK;
}

/* Facts that arrive once bound the number of requests only where requests are not counted on
 * their own. */
static uint32_t request_count(const planner *self) {
    const sim_load_options *load = self->input->load;
    if (load->requests > 0) {
        return load->requests;
    }
    return load->repeat == SIM_REPEAT_NEVER && takes_facts(load) ? pool_of(self->input)
                                                                 : load->facts;
}

/* --- kinds, clients, priorities ------------------------------------------- */

static sim_request_kind draw_kind(const sim_load_options *load, uint64_t seed, uint32_t i) {
    cg_stream stream = cg_stream_init(seed, "workload.kind", i);
    const double u = cg_stream_next_unit(&stream);
    const double recall = load->recall;
    const double deallocate = recall + load->deallocate;
    const double batch = deallocate + load->batch;
    const double spread = batch + load->spread;
    const double get = spread + load->get;
    const double edges = get + load->edges;
    const double search = edges + load->search;
    return u < recall           ? SIM_REQUEST_RECALL
           : u < deallocate     ? SIM_REQUEST_DEALLOCATE
           : u < batch          ? SIM_REQUEST_BATCH
           : u < spread         ? SIM_REQUEST_SPREAD
           : u < get            ? SIM_REQUEST_GET
           : u < edges          ? SIM_REQUEST_EDGE
           : u < search         ? SIM_REQUEST_SEARCH
           : takes_facts(load)  ? SIM_REQUEST_ALLOCATE
           : load->spread > 0.0 ? SIM_REQUEST_SPREAD
                                : SIM_REQUEST_RECALL;
}

static uint32_t draw_client(const sim_load_options *load, uint64_t seed, uint32_t i) {
    cg_stream stream = cg_stream_init(seed, "workload.client", i);
    if (load->clients <= 1) {
        return 0;
    }
    if (!(load->greedy > 0.0)) {
        return (uint32_t)cg_stream_next_below(&stream, load->clients);
    }
    return cg_stream_next_unit(&stream) < load->greedy
               ? 0
               : 1 + (uint32_t)cg_stream_next_below(&stream, load->clients - 1);
}

static uint8_t draw_priority(const sim_load_options *load, uint64_t seed, uint32_t i) {
    cg_stream stream = cg_stream_init(seed, "workload.priority", i);
    const double u = cg_stream_next_unit(&stream);
    return u < load->urgent ? 3 : u < load->urgent + load->low ? 0 : 1;
}

static void plan_senders(planner *self) {
    const sim_workload_input *input = self->input;
    uint32_t period = 0;
    for (uint32_t i = 0; i < self->workload->count; i++) {
        sim_request_plan *request = &self->workload->requests[i];
        period = sim_periods_find(&self->periods, period, request->at_ns);
        const sim_load_options *load = &self->periods.list[period].load;
        cg_stream gateway = cg_stream_init(input->seed, "workload.gateway", i);
        request->host = (uint32_t)cg_stream_next_below(&gateway, input->hosts);
        request->client = draw_client(load, input->seed, i);
        request->priority = draw_priority(load, input->seed, i);
        request->kind = draw_kind(load, input->seed, i);
        request->fact = SIM_FACT_NONE;
    }
}

/* One of the last allocations before it, removed meanwhile or not: what is young is what a cluster may
 * be in two minds about. */
static uint32_t plan_get(const planner *self, uint32_t i, const uint32_t *made,
                         uint32_t count) {
    enum { YOUNG = 64 };
    cg_stream stream = cg_stream_init(self->input->seed, "workload.get", i);
    uint32_t among = count < YOUNG ? count : (uint32_t)YOUNG;
    return made[count - 1 - (uint32_t)cg_stream_next_below(&stream, among)];
}

/* Each deallocation takes one of the allocations before it that no other took; where none is
 * left it becomes an allocation, and so does a get. */
static cg_status plan_targets(planner *self) {
    sim_workload *workload = self->workload;
    uint32_t *live = cg_allocate(&workload->allocator, workload->count, sizeof *live);
    uint32_t *made = cg_allocate(&workload->allocator, workload->count, sizeof *made);
    if (!live || !made) {
        cg_deallocate(&workload->allocator, live, live ? workload->count : 0, sizeof *live);
        cg_deallocate(&workload->allocator, made, made ? workload->count : 0, sizeof *made);
        return cg_error_set(self->error, CG_ERROR_MEMORY, "no memory for %u allocations",
                            workload->count);
    }
    uint32_t live_count = 0;
    uint32_t made_count = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        if ((request->kind == SIM_REQUEST_DEALLOCATE && live_count == 0) ||
            (request->kind == SIM_REQUEST_GET && made_count == 0)) {
            request->kind = SIM_REQUEST_ALLOCATE;
        }
        if (request->kind == SIM_REQUEST_ALLOCATE) {
            live[live_count++] = i;
            made[made_count++] = i;
        } else if (request->kind == SIM_REQUEST_GET) {
            request->target = plan_get(self, i, made, made_count);
            cg_stream near = cg_stream_init(self->input->seed, "workload.near", i);
            const sim_load_options *load =
                &self->periods.list[sim_periods_find(&self->periods, 0, request->at_ns)].load;
            request->near = cg_stream_next_unit(&near) < load->near;
        } else if (request->kind == SIM_REQUEST_DEALLOCATE) {
            cg_stream stream = cg_stream_init(self->input->seed, "workload.target", i);
            const uint32_t chosen = (uint32_t)cg_stream_next_below(&stream, live_count);
            request->target = live[chosen];
            live[chosen] = live[--live_count];
        }
    }
    cg_deallocate(&workload->allocator, live, workload->count, sizeof *live);
    cg_deallocate(&workload->allocator, made, workload->count, sizeof *made);
    return CG_OK;
}

/* --- facts ---------------------------------------------------------------- */

static cg_status make_room_for_batches(planner *self) {
    sim_workload *workload = self->workload;
    const uint32_t size = self->input->load->batch_size > 0 ? self->input->load->batch_size : 1;
    uint64_t total = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        if (request->kind == SIM_REQUEST_BATCH) {
            request->first_fact = (uint32_t)total;
            request->fact_count = size;
            total += size;
        }
        if (total > SIM_LOAD_ENTRIES_MAX) {
            return cg_error_set(self->error, CG_ERROR_INVALID,
                                "load: the first %u of %u requests hold more than %d facts in "
                                "batches; lower load.requests or load.batch_size",
                                i + 1, workload->count, SIM_LOAD_ENTRIES_MAX);
        }
    }
    workload->facts = cg_allocate(&workload->allocator, (size_t)total, sizeof *workload->facts);
    if (total > 0 && !workload->facts) {
        return cg_error_set(self->error, CG_ERROR_MEMORY, "no memory for %llu facts",
                            (unsigned long long)total);
    }
    workload->fact_count = (uint32_t)total;
    return CG_OK;
}

/* The facts of request i, in the order that `order` gives them, from *next on or by popularity.
 */
static void take_facts(const planner *self, sim_laws *laws, const uint32_t *order, uint32_t i,
                       uint32_t *next) {
    sim_request_plan *request = &self->workload->requests[i];
    const bool single = request->kind == SIM_REQUEST_ALLOCATE;
    uint32_t *facts = single ? &request->fact : self->workload->facts + request->first_fact;
    const uint32_t count = single ? 1 : request->fact_count;
    const uint32_t period = sim_periods_find(&self->periods, 0, request->at_ns);
    cg_stream stream = cg_stream_init(self->input->seed, "workload.fact", i);
    for (uint32_t j = 0; j < count; j++) {
        const uint64_t rank =
            laws ? sim_laws_draw(laws, &self->periods, period, &stream) : (*next)++;
        facts[j] = order[rank];
    }
}

static cg_status fill_facts(planner *self, const uint32_t *order) {
    const uint32_t pool = pool_of(self->input);
    const uint32_t total = sim_workload_fact_total(self->workload);
    const bool repeat = self->input->load->repeat == SIM_REPEAT_POPULARITY;
    if (!repeat && total > pool) {
        return cg_error_set(
            self->error, CG_ERROR_INVALID,
            "load: %u requests take %u facts, but there are %u of the %u that load.facts "
            "allows; lower load.requests or the share of allocations, allow or hold out more "
            "facts, or let them come again with load.repeat",
            self->workload->count, total, self->input->facts, self->input->load->facts);
    }
    sim_laws laws;
    if (repeat) {
        sim_laws_init(&laws, &self->periods, pool, &self->weights, total);
    }
    uint32_t next = 0;
    for (uint32_t i = 0; i < self->workload->count; i++) {
        const sim_request_kind kind = self->workload->requests[i].kind;
        if (kind == SIM_REQUEST_ALLOCATE || kind == SIM_REQUEST_BATCH) {
            take_facts(self, repeat ? &laws : NULL, order, i, &next);
        }
    }
    return CG_OK;
}

static cg_status plan_facts(planner *self) {
    const uint32_t available = self->input->facts;
    cg_status status = make_room_for_batches(self);
    if (status != CG_OK || sim_workload_fact_total(self->workload) == 0) {
        return status;
    }
    const cg_allocator *allocator = &self->workload->allocator;
    uint32_t *order = cg_allocate(allocator, available, sizeof *order);
    if (!order) {
        return cg_error_set(self->error, CG_ERROR_MEMORY, "no memory for the order of %u facts",
                            available);
    }
    for (uint32_t i = 0; i < available; i++) {
        order[i] = i;
    }
    cg_stream stream = cg_stream_init(self->input->seed, "workload.order", 0);
    cg_stream_shuffle_u32(&stream, order, available);
    status = fill_facts(self, order);
    cg_deallocate(allocator, order, available, sizeof *order);
    return status;
}

/* Evenly spread: one each time the line i * chosen / count passes an integer. */
static bool is_chosen(uint32_t i, uint32_t chosen, uint32_t count) {
    uint32_t most = chosen < count ? chosen : count;
    return cg_mul_div((uint64_t)i + 1, most, count) > cg_mul_div(i, most, count);
}

/* Among the allocations of single facts. */
static void plan_audits(planner *self) {
    sim_workload *workload = self->workload;
    const uint32_t count = sim_workload_fact_total(workload) - workload->fact_count;
    uint32_t place = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        if (request->kind == SIM_REQUEST_ALLOCATE) {
            request->audit = is_chosen(place, self->input->load->audits, count);
            request->labelled = is_chosen(place, self->input->load->labels, count);
            place++;
        }
    }
}

/* Searches are for any fact that there is, and audited like allocations. */
static void plan_searches(planner *self) {
    sim_workload *workload = self->workload;
    uint32_t count = 0;
    uint32_t place = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        count += workload->requests[i].kind == SIM_REQUEST_SEARCH;
    }
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        if (request->kind == SIM_REQUEST_SEARCH) {
            cg_stream stream = cg_stream_init(self->input->seed, "workload.search", i);
            request->fact = (uint32_t)cg_stream_next_below(&stream, self->input->facts);
            request->audit = is_chosen(place++, self->input->load->audits, count);
        }
    }
}

/* --- the plan ------------------------------------------------------------- */

static cg_status plan_all(planner *self) {
    const sim_workload_input *input = self->input;
    sim_workload *workload = self->workload;
    workload->requests =
        cg_allocate(&workload->allocator, workload->count, sizeof *workload->requests);
    if (!workload->requests) {
        return cg_error_set(self->error, CG_ERROR_MEMORY, "no memory for %u requests",
                            workload->count);
    }
    cg_status status = sim_arrival_plan(&self->periods, input->seed, workload, self->error);
    if (status == CG_OK && input->load->popularity == SIM_LAW_FILE) {
        status = sim_weights_read(input->load->popularity_file, workload->allocator,
                                  &self->weights, self->error);
    }
    if (status == CG_OK) {
        plan_senders(self);
        status = plan_targets(self);
    }
    if (status == CG_OK) {
        status = plan_facts(self);
    }
    if (status == CG_OK) {
        plan_audits(self);
        plan_searches(self);
        status = sim_recall_plan(input, &self->periods, &self->weights, workload, self->error);
    }
    return status;
}

cg_status sim_workload_plan(const sim_workload_input *input, cg_allocator allocator,
                            sim_workload *out, cg_error *error) {
    sim_workload workload = {.allocator = allocator};
    planner self = {.input = input,
                    .weights = {.allocator = allocator},
                    .workload = &workload,
                    .error = error};
    sim_periods_init(&self.periods, input);
    cg_status status = check_input(&self);
    if (status != CG_OK) {
        return status;
    }
    workload.count = request_count(&self);
    CG_ASSERT(workload.count > 0);
    if (input->spaces > 1) {
        return sim_space_loads_plan(input, workload.count, allocator, out, error);
    }
    status = plan_all(&self);
    sim_weights_deinit(&self.weights);
    if (status != CG_OK) {
        sim_workload_deinit(&workload);
        return status;
    }
    *out = workload;
    return CG_OK;
}

uint64_t sim_workload_rank_seed(const sim_workload_input *input) {
    return input->rank_seed ? *input->rank_seed : input->seed;
}

void sim_workload_deinit(sim_workload *workload) {
    const cg_allocator *allocator = &workload->allocator;
    cg_deallocate(allocator, workload->requests, workload->count, sizeof *workload->requests);
    cg_deallocate(allocator, workload->facts, workload->fact_count, sizeof *workload->facts);
    cg_deallocate(allocator, workload->keys, workload->key_count, sizeof *workload->keys);
    *workload = (sim_workload){.allocator = workload->allocator};
}

uint32_t sim_workload_fact_total(const sim_workload *workload) {
    uint32_t total = workload->fact_count;
    for (uint32_t i = 0; i < workload->count; i++) {
        total += workload->requests[i].kind == SIM_REQUEST_ALLOCATE;
    }
    return total;
}

void sim_workload_fact_places(sim_workload *workload, uint32_t **places) {
    uint32_t used = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        if (request->kind == SIM_REQUEST_ALLOCATE) {
            places[used++] = &request->fact;
        } else if (request->kind == SIM_REQUEST_BATCH) {
            for (uint32_t j = 0; j < request->fact_count; j++) {
                places[used++] = &workload->facts[request->first_fact + j];
            }
        }
    }
}
