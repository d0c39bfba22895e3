#include "sim/workload/recall.h"

#include "sim/workload/permutation.h"

void sim_laws_init(sim_laws *laws, const sim_periods *periods, uint64_t count,
                   const sim_weights *weights, uint64_t draws) {
    uint32_t made = 0;
    double exponent = -1.0;
    for (uint32_t i = 0; i < periods->count; i++) {
        const sim_load_options *load = &periods->list[i].load;
        const bool other = load->popularity == SIM_LAW_ZIPF &&
                           (load->zipf < exponent || load->zipf > exponent);
        if (i == 0 || other) {
            laws->list[made++] = load->popularity == SIM_LAW_UNIFORM
                                     ? sim_popularity_uniform(count)
                                 : load->popularity == SIM_LAW_ZIPF
                                     ? sim_popularity_zipf(count, load->zipf)
                                     : sim_popularity_measured(count, weights, draws);
            exponent = load->zipf;
        }
        laws->of_period[i] = made - 1;
    }
}

uint64_t sim_laws_draw(sim_laws *laws, const sim_periods *periods, uint32_t period,
                       cg_stream *stream) {
    sim_popularity *law = &laws->list[laws->of_period[period]];
    const uint64_t rank = sim_popularity_draw(law, stream);
    const uint64_t shift = (uint64_t)(periods->list[period].rotate * (double)law->count);
    return (rank + shift) % law->count;
}

static bool asks_for_keys(const sim_request_plan *request) {
    return request->kind == SIM_REQUEST_RECALL || request->kind == SIM_REQUEST_SPREAD;
}

static uint32_t draw_count(const sim_workload_input *input, const sim_load_options *load,
                           const sim_request_plan *request, uint32_t i) {
    if (request->kind == SIM_REQUEST_SPREAD && load->ask != SIM_ASK_ROWS) {
        return 1; /* the concept that the text is about */
    }
    const uint32_t keys = load->keys > 0 ? load->keys : 1;
    cg_stream stream = cg_stream_init(input->seed, "workload.key_count", i);
    return load->keys_spread == SIM_SPREAD_UNIFORM
               ? 1 + (uint32_t)cg_stream_next_below(&stream, 2 * (uint64_t)keys - 1)
               : keys;
}

/* How many keys each of them has, and where they stand. */
static cg_status count_keys(const sim_workload_input *input, const sim_periods *periods,
                            sim_workload *workload, cg_error *error) {
    uint64_t total = 0;
    uint32_t period = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        sim_request_plan *request = &workload->requests[i];
        period = sim_periods_find(periods, period, request->at_ns);
        if (!asks_for_keys(request)) {
            continue;
        }
        const sim_load_options *load = &periods->list[period].load;
        request->first_key = (uint32_t)total;
        request->hops = request->kind == SIM_REQUEST_SPREAD ? load->spread_hops : load->hops;
        request->key_count = draw_count(input, load, request, i);
        total += request->key_count;
        if (total > SIM_LOAD_ENTRIES_MAX) {
            return cg_error_set(error, CG_ERROR_INVALID,
                                "load: the first %u of %u requests ask for more than %d keys; "
                                "lower load.requests or load.keys",
                                i + 1, workload->count, SIM_LOAD_ENTRIES_MAX);
        }
    }
    if (total > 0 && input->keys == 0) {
        return cg_error_set(error, CG_ERROR_INVALID,
                            "load.recall: there is no key to recall or to spread from");
    }
    workload->keys = cg_allocate(&workload->allocator, (size_t)total, sizeof *workload->keys);
    if (total > 0 && !workload->keys) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %llu keys",
                            (unsigned long long)total);
    }
    workload->key_count = (size_t)total;
    return CG_OK;
}

static bool is_among(const uint64_t *keys, uint32_t count, uint64_t key) {
    for (uint32_t i = 0; i < count; i++) {
        if (keys[i] == key) {
            return true;
        }
    }
    return false;
}

/* A row that was drawn before gives way to the next one that was not, as far as there are rows. */
static void make_distinct(uint64_t *keys, uint32_t count, uint64_t rows) {
    for (uint32_t i = 1; i < count && i < rows; i++) {
        while (is_among(keys, i, keys[i])) {
            keys[i] = keys[i] + 1 == rows ? 0 : keys[i] + 1;
        }
    }
}

/* Fills in the keys. last[client]: the last key of its recall before, plus one; 0: none. */
static void draw_keys(const sim_workload_input *input, const sim_periods *periods,
                      sim_laws *laws, uint64_t *last, sim_workload *workload) {
    const sim_permutation ranks =
        sim_permutation_init(input->keys, sim_workload_rank_seed(input), "workload.rank");
    const sim_permutation ring =
        sim_permutation_init(input->keys, sim_workload_rank_seed(input), "workload.successor");
    uint32_t period = 0;
    for (uint32_t i = 0; i < workload->count; i++) {
        const sim_request_plan *request = &workload->requests[i];
        period = sim_periods_find(periods, period, request->at_ns);
        if (!asks_for_keys(request)) {
            continue;
        }
        uint64_t *keys = workload->keys + request->first_key;
        cg_stream stream = cg_stream_init(input->seed, "workload.key", i);
        for (uint32_t j = 0; j < request->key_count; j++) {
            keys[j] = sim_permutation_at(&ranks, sim_laws_draw(laws, periods, period, &stream));
        }
        cg_stream chain = cg_stream_init(input->seed, "workload.chain", i);
        if (last[request->client] > 0 &&
            cg_stream_next_unit(&chain) < periods->list[period].load.chain) {
            keys[0] = sim_permutation_next(&ring, last[request->client] - 1);
        }
        if (request->kind == SIM_REQUEST_SPREAD) {
            make_distinct(keys, request->key_count, input->keys);
        }
        last[request->client] = keys[request->key_count - 1] + 1;
    }
}

cg_status sim_recall_plan(const sim_workload_input *input, const sim_periods *periods,
                          const sim_weights *weights, sim_workload *workload, cg_error *error) {
    cg_status status = count_keys(input, periods, workload, error);
    if (status != CG_OK || workload->key_count == 0) {
        return status;
    }
    const uint32_t clients = input->load->clients > 0 ? input->load->clients : 1;
    uint64_t *last = cg_allocate(&workload->allocator, clients, sizeof *last);
    if (!last) {
        return cg_error_set(error, CG_ERROR_MEMORY, "no memory for %u clients", clients);
    }
    sim_laws laws;
    sim_laws_init(&laws, periods, input->keys, weights, workload->key_count);
    draw_keys(input, periods, &laws, last, workload);
    cg_deallocate(&workload->allocator, last, clients, sizeof *last);
    return CG_OK;
}
