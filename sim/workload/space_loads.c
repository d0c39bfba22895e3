/* The loads of several memory spaces: each is planned as a load of its own, with its share of the
 * rate and of the requests, and draws of its own; then they are laid one over the other in the
 * order of time.
 *
 * So a space's load is the same whatever the others do, as long as its rate and its number of
 * requests are: loads of one space with and without neighbours can be compared request by request.
 * Which keys are popular is the same in all spaces, for all read the same corpus.
 */
#include "sim/workload/space_loads.h"

#include <string.h>

#include "engine/base/hash.h"
#include "sim/scenario/share_list.h"
#include "sim/workload/recall.h"

typedef struct loads {
    const sim_workload_input *input;
    cg_allocator allocator;
    uint32_t shares[SIM_SPACES_MAX];
    sim_workload plans[SIM_SPACES_MAX]; /* of a space without requests: empty */
    uint32_t *moved[SIM_SPACES_MAX];    /* a request's place in its own plan to that in all */
    cg_error *error;
} loads;

static double part_of(const loads *self, uint32_t space) {
    double sum = 0.0;
    for (uint32_t i = 0; i < self->input->spaces; i++) {
        sum += (double)self->shares[i];
    }
    return (double)self->shares[space] / sum;
}

static uint32_t count_of(const loads *self, uint32_t space, uint32_t total) {
    return (uint32_t)sim_share_of(total, self->shares, self->input->spaces, space);
}

static cg_status plan_space(loads *self, uint32_t space, uint32_t total) {
    const sim_workload_input *input = self->input;
    const double part = part_of(self, space);
    sim_load_options load = *input->load;
    sim_load_phase phases[SIM_PHASES_MAX];
    load.requests = count_of(self, space, total);
    load.audits = count_of(self, space, load.audits);
    load.labels = count_of(self, space, load.labels);
    load.rate_hz *= part;
    for (uint32_t i = 0; i < input->phase_count; i++) {
        phases[i] = input->phases[i];
        phases[i].rate_hz *= part;
    }
    if (load.requests == 0) {
        return CG_OK;
    }
    sim_workload_input own = *input;
    own.load = &load;
    own.phases = phases;
    own.spaces = 1;
    own.seed = space == 0 ? input->seed : cg_hash_u64(space, input->seed);
    const uint64_t rank_seed = sim_workload_rank_seed(input);
    own.rank_seed = &rank_seed;
    cg_status status =
        sim_workload_plan(&own, self->allocator, &self->plans[space], self->error);
    if (status != CG_OK && status != CG_ERROR_MEMORY) {
        cg_error_prefix(self->error, "space %u of the load: ", space + 1);
    }
    return status;
}

/* --- one over the other --- */

static cg_status make_room(loads *self, sim_workload *all) {
    uint64_t facts = 0;
    for (uint32_t space = 0; space < self->input->spaces; space++) {
        all->count += self->plans[space].count;
        all->key_count += self->plans[space].key_count;
        facts += self->plans[space].fact_count;
    }
    if (all->key_count > SIM_LOAD_ENTRIES_MAX || facts > SIM_LOAD_ENTRIES_MAX) {
        return cg_error_set(self->error, CG_ERROR_INVALID,
                            "load: all spaces together ask for %zu keys and hold %llu facts in "
                            "batches; at most %d of each, so lower load.requests",
                            all->key_count, (unsigned long long)facts, SIM_LOAD_ENTRIES_MAX);
    }
    all->fact_count = (uint32_t)facts;
    all->requests = cg_allocate(&all->allocator, all->count, sizeof *all->requests);
    all->facts = cg_allocate(&all->allocator, all->fact_count, sizeof *all->facts);
    all->keys = cg_allocate(&all->allocator, all->key_count, sizeof *all->keys);
    bool is_there =
        all->requests && (all->facts || facts == 0) && (all->keys || all->key_count == 0);
    for (uint32_t space = 0; space < self->input->spaces; space++) {
        uint32_t count = self->plans[space].count;
        self->moved[space] = cg_allocate(&self->allocator, count, sizeof *self->moved[space]);
        is_there = is_there && (self->moved[space] || count == 0);
    }
    return is_there
               ? CG_OK
               : cg_error_set(self->error, CG_ERROR_MEMORY,
                              "no memory for the requests of %u spaces", self->input->spaces);
}

/* The space whose next request is the first; of those at the same time, the lowest. */
static uint32_t first_of(const loads *self, const uint32_t *next) {
    uint32_t best = SIM_SPACES_MAX;
    uint64_t best_ns = UINT64_MAX;
    for (uint32_t space = 0; space < self->input->spaces; space++) {
        const sim_workload *plan = &self->plans[space];
        if (next[space] < plan->count && plan->requests[next[space]].at_ns < best_ns) {
            best = space;
            best_ns = plan->requests[next[space]].at_ns;
        }
    }
    CG_ASSERT(best < SIM_SPACES_MAX);
    return best;
}

static void lay_over(loads *self, sim_workload *all) {
    uint32_t next[SIM_SPACES_MAX] = {0};
    size_t facts_before[SIM_SPACES_MAX];
    size_t keys_before[SIM_SPACES_MAX];
    size_t facts = 0;
    size_t keys = 0;
    for (uint32_t space = 0; space < self->input->spaces; space++) {
        const sim_workload *plan = &self->plans[space];
        facts_before[space] = facts;
        keys_before[space] = keys;
        if (plan->fact_count > 0) {
            memcpy(all->facts + facts, plan->facts, plan->fact_count * sizeof *plan->facts);
        }
        if (plan->key_count > 0) {
            memcpy(all->keys + keys, plan->keys, plan->key_count * sizeof *plan->keys);
        }
        facts += plan->fact_count;
        keys += plan->key_count;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        const uint32_t space = first_of(self, next);
        sim_request_plan request = self->plans[space].requests[next[space]];
        self->moved[space][next[space]++] = i;
        request.space = space;
        request.client = request.client * self->input->spaces + space;
        request.first_fact += (uint32_t)facts_before[space];
        request.first_key += (uint32_t)keys_before[space];
        if (request.kind == SIM_REQUEST_DEALLOCATE ||
            request.kind == SIM_REQUEST_GET) { /* an earlier one, so it is known */
            request.target = self->moved[space][request.target];
        }
        all->requests[i] = request;
    }
}

cg_status sim_space_loads_plan(const sim_workload_input *input, uint32_t total,
                               cg_allocator allocator, sim_workload *out, cg_error *error) {
    loads self = {.input = input, .allocator = allocator, .error = error};
    sim_workload all = {.allocator = allocator};
    cg_status status =
        sim_share_list_read(input->load->spaces, input->spaces, 0, self.shares, error);
    for (uint32_t space = 0; space < SIM_SPACES_MAX; space++) {
        self.plans[space].allocator = allocator;
    }
    for (uint32_t space = 0; status == CG_OK && space < input->spaces; space++) {
        status = plan_space(&self, space, total);
    }
    if (status == CG_OK) {
        status = make_room(&self, &all);
    }
    if (status == CG_OK) {
        lay_over(&self, &all);
    }
    for (uint32_t space = 0; space < input->spaces; space++) {
        cg_deallocate(&allocator, self.moved[space], self.plans[space].count,
                      sizeof *self.moved[space]);
        sim_workload_deinit(&self.plans[space]);
    }
    if (status != CG_OK) {
        sim_workload_deinit(&all);
        return status;
    }
    *out = all;
    return CG_OK;
}
