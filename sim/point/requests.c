#include "sim/point/requests.h"

#include <string.h>

#include "engine/base/bytes.h"
#include "engine/base/prng.h"
#include "engine/replica/edge_delta.h"

_Static_assert((int)SIM_REQUEST_ALLOCATE == (int)CG_REQUEST_ALLOCATE &&
                   (int)SIM_REQUEST_BATCH == (int)CG_REQUEST_BATCH &&
                   (int)SIM_REQUEST_DEALLOCATE == (int)CG_REQUEST_DEALLOCATE &&
                   (int)SIM_REQUEST_RECALL == (int)CG_REQUEST_RECALL &&
                   (int)SIM_REQUEST_SPREAD == (int)CG_REQUEST_SPREAD &&
                   (int)SIM_REQUEST_GET == (int)CG_REQUEST_GET &&
                   (int)SIM_REQUEST_EDGE == (int)CG_REQUEST_EDGE &&
                   (int)SIM_REQUEST_SEARCH == (int)CG_REQUEST_SEARCH,
               "kinds of requests are numbered alike");

void sim_requests_init(sim_requests *requests, const sim_facts *facts,
                       const sim_workload *workload, sim_ask ask, sim_edge_load edges,
                       cg_allocator allocator) {
    *requests = (sim_requests){.facts = facts,
                               .workload = workload,
                               .ask = ask,
                               .edges = edges,
                               .allocator = allocator};
}

void sim_requests_deinit(sim_requests *requests) {
    cg_deallocate(&requests->allocator, requests->bytes, requests->bytes_capacity, 1);
    memset(requests, 0, sizeof *requests);
}

static void give_text(const sim_requests *requests, const sim_request_plan *plan,
                      sim_delivery *out) {
    uint32_t text_bytes = 0;
    uint32_t label = 0;
    const char *text = sim_facts_text(requests->facts, plan->fact, &text_bytes);
    bool labelled =
        plan->labelled && sim_facts_answer(requests->facts, plan->fact, &label, 1) > 0;
    out->flags = (plan->audit ? CG_REQUEST_AUDIT : 0u) | (labelled ? CG_REQUEST_LABELLED : 0u);
    out->label = label;
    out->bytes = (const uint8_t *)text;
    out->size_bytes = text_bytes;
    out->borrowed = true;
}

static cg_status give_batch(sim_requests *requests, const sim_request_plan *plan,
                            sim_delivery *out, cg_error *error) {
    size_t used = 0;
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < plan->fact_count; ++i) {
        uint32_t text_bytes = 0;
        const char *text = sim_facts_text(
            requests->facts, requests->workload->facts[plan->first_fact + i], &text_bytes);
        size_t needed = used + sizeof(uint32_t) + text_bytes;
        status = CG_GROW(&requests->allocator, requests->bytes, requests->bytes_capacity,
                         needed, error);
        if (status == CG_OK) {
            cg_writer writer = cg_writer_init(requests->bytes + used, needed - used);
            cg_write_u32(&writer, text_bytes);
            cg_write_bytes(&writer, text, text_bytes);
            used = needed;
        }
    }
    out->bytes = requests->bytes;
    out->size_bytes = used;
    return status;
}

static cg_status give_keys(sim_requests *requests, const sim_request_plan *plan,
                           sim_delivery *out, cg_error *error) {
    size_t bytes = plan->key_count * sizeof(uint64_t);
    cg_status status =
        CG_GROW(&requests->allocator, requests->bytes, requests->bytes_capacity, bytes, error);
    if (status == CG_OK) {
        cg_writer writer = cg_writer_init(requests->bytes, bytes);
        for (uint32_t i = 0; i < plan->key_count; ++i) {
            cg_write_u64(&writer, requests->workload->keys[plan->first_key + i]);
        }
        out->bytes = requests->bytes;
        out->size_bytes = bytes;
    }
    return status;
}

static void give_question(const sim_requests *requests, const sim_request_plan *plan,
                          sim_delivery *out) {
    const sim_text_part part = requests->ask == SIM_ASK_GLOSS   ? SIM_TEXT_GLOSS
                               : requests->ask == SIM_ASK_WORDS ? SIM_TEXT_WORDS
                                                                : SIM_TEXT_WHOLE;
    const uint32_t row = (uint32_t)requests->workload->keys[plan->first_key];
    uint32_t text_bytes = 0;
    out->bytes = (const uint8_t *)sim_ground_concept_text(requests->facts->ground, row, part,
                                                          &text_bytes);
    out->size_bytes = text_bytes;
    out->flags = CG_REQUEST_TEXT;
    out->borrowed = true;
}

enum { EDGES_REMOVED_ONE_IN = 5 };

cg_edge_change sim_requests_edge(const sim_requests *requests, uint32_t i) {
    const sim_edge_load *edges = &requests->edges;
    cg_stream draws = cg_stream_init(edges->seed, "load.edge", i);
    uint64_t chosen = cg_stream_next_below(&draws, edges->pool);
    cg_stream ends = cg_stream_init(edges->seed, "load.edge_pool", chosen);
    cg_edge_change change = {.type = CG_EDGE_OTHER};
    change.from = cg_stream_next_below(&ends, edges->rows);
    change.to = (change.from + 1 + cg_stream_next_below(&ends, edges->rows - 1)) % edges->rows;
    change.removes = cg_stream_next_below(&draws, EDGES_REMOVED_ONE_IN) == 0;
    change.weight = (uint8_t)cg_stream_next_below(&draws, 256);
    change.confidence_q16 = 1 + (uint32_t)cg_stream_next_below(&draws, CG_EDGE_CONFIDENCE_ONE);
    return change;
}

static cg_status give_edge(sim_requests *requests, uint32_t i, sim_delivery *out,
                           cg_error *error) {
    cg_edge_change change = sim_requests_edge(requests, i);
    cg_status status = CG_GROW(&requests->allocator, requests->bytes, requests->bytes_capacity,
                               CG_EDGE_OBSERVE_BYTES, error);
    if (status == CG_OK) {
        out->bytes = requests->bytes;
        out->size_bytes = cg_edge_change_write(&change, requests->bytes);
    }
    return status;
}

cg_status sim_requests_delivery(sim_requests *requests, uint32_t i, sim_delivery *out,
                                cg_error *error) {
    const sim_request_plan *plan = &requests->workload->requests[i];
    *out = (sim_delivery){
        .kind = CG_EVENT_REQUEST,
        .due_ns = plan->at_ns,
        .sequence = i,
        .id = (uint64_t)i + 1,
        .request = (cg_request_kind)plan->kind,
        .client = plan->client,
        .space = plan->space,
        .hops = plan->hops,
        .priority = plan->priority,
        .target = (uint64_t)plan->target + 1,
    };
    switch (plan->kind) {
    case SIM_REQUEST_ALLOCATE:
    case SIM_REQUEST_SEARCH:
        give_text(requests, plan, out);
        return CG_OK;
    case SIM_REQUEST_BATCH:
        return give_batch(requests, plan, out, error);
    case SIM_REQUEST_GET:
        if (plan->near) {
            bool is_own = requests->workload->requests[plan->target].client == plan->client;
            out->flags |= CG_REQUEST_NEAR;
            out->after = is_own ? out->target : 0;
        }
        return CG_OK;
    case SIM_REQUEST_DEALLOCATE:
        return CG_OK;
    case SIM_REQUEST_RECALL:
        return give_keys(requests, plan, out, error);
    case SIM_REQUEST_SPREAD:
        if (requests->ask == SIM_ASK_ROWS) {
            return give_keys(requests, plan, out, error);
        }
        give_question(requests, plan, out);
        return CG_OK;
    case SIM_REQUEST_EDGE:
        return give_edge(requests, i, out, error);
    }
    return CG_OK;
}
