/* Edges against what was observed, naively: an edge that nobody asked to remove has at least all that
 * was acknowledged, and at most all that was asked for. One that was asked to be removed has at most
 * all. */
#include "sim/fuzz/trial_internal.h"

typedef struct edge_sums {
    uint64_t least_weighted;
    uint64_t least_confidence;
    uint64_t most_weighted;
    uint64_t most_confidence;
    bool is_removed;
} edge_sums;

static cg_edge_key key_of(const cg_edge_change *change) {
    return (cg_edge_key){.from = change->from, .type = change->type, .to = change->to};
}

static bool same_edge(const cg_edge_change *one, const cg_edge_change *other) {
    return one->from == other->from && one->to == other->to && one->type == other->type;
}

static bool is_edge(const sim_trial *trial, uint32_t i, uint32_t space) {
    const sim_request_plan *plan = &trial->workload.requests[i];
    return plan->kind == SIM_REQUEST_EDGE && plan->space == space;
}

/* What a host's disk held may be gone with it before anybody else had it. */
static bool was_harmed(const sim_trial *trial, uint32_t host, uint64_t since_ns) {
    for (size_t i = 0; i < trial->harm_count; ++i) {
        if (trial->harms[i].host == host && trial->harms[i].at_ns >= since_ns) {
            return true;
        }
    }
    return false;
}

static void add_change(const sim_trial *trial, uint32_t i, const cg_edge_change *change,
                       edge_sums *sums) {
    const sim_request_plan *plan = &trial->workload.requests[i];
    const sim_trial_answer *answer = &trial->answers[i];
    sim_effect effect =
        answer->replied ? sim_effect_of(answer->reply.status) : SIM_EFFECT_UNKNOWN;
    if (effect == SIM_EFFECT_FAILED) {
        return;
    }
    if (change->removes) {
        sums->is_removed = true;
        return;
    }
    uint64_t confidence = change->confidence_q16;
    sums->most_confidence += confidence;
    sums->most_weighted += confidence * change->weight;
    if (effect == SIM_EFFECT_OK && !was_harmed(trial, plan->host, plan->at_ns)) {
        sums->least_confidence += confidence;
        sums->least_weighted += confidence * change->weight;
    }
}

static cg_status judge_edge(sim_trial *trial, uint32_t first, cg_error *error) {
    const uint32_t space = trial->workload.requests[first].space;
    const cg_edge_change edge = sim_requests_edge(&trial->requests, first);
    edge_sums sums = {0};
    for (uint32_t i = 0; i < trial->workload.count; ++i) {
        if (!is_edge(trial, i, space)) {
            continue;
        }
        const cg_edge_change change = sim_requests_edge(&trial->requests, i);
        if (!same_edge(&edge, &change)) {
            continue;
        }
        if (i < first) {
            return CG_OK; /* judged with that one */
        }
        add_change(trial, i, &change, &sums);
    }
    cg_edge_view view = {0};
    (void)cg_node_edge(trial->nodes[0], space, key_of(&edge), &view);
    trial->counts.of[SIM_COUNT_EDGES]++;
    bool lacks = !sums.is_removed && (view.confidence < sums.least_confidence ||
                                      view.weighted < sums.least_weighted);
    bool exceeds = view.confidence > sums.most_confidence || view.weighted > sums.most_weighted;
    if (lacks || exceeds) {
        return cg_error_set(error, CG_ERROR_CORRUPT,
                            "the edge from %llu to %llu of space %u has confidence %llu and "
                            "weight %llu in all, but of what was observed it must be %llu to "
                            "%llu, and %llu to %llu",
                            (unsigned long long)edge.from, (unsigned long long)edge.to, space,
                            (unsigned long long)view.confidence,
                            (unsigned long long)view.weighted,
                            (unsigned long long)(sums.is_removed ? 0 : sums.least_confidence),
                            (unsigned long long)sums.most_confidence,
                            (unsigned long long)(sums.is_removed ? 0 : sums.least_weighted),
                            (unsigned long long)sums.most_weighted);
    }
    return CG_OK;
}

cg_status sim_trial_judge_edges(sim_trial *trial, cg_error *error) {
    cg_status status = CG_OK;
    for (uint32_t i = 0; status == CG_OK && i < trial->workload.count; ++i) {
        if (trial->workload.requests[i].kind == SIM_REQUEST_EDGE) {
            status = judge_edge(trial, i, error);
        }
    }
    return status;
}
