/* The answer to a search: candidates compete once more, by their records.
 *
 * Distances that come from shards are those of the index's codes. The records of all candidates, which
 * lie on every host's store, are read through the own tiers, and the exact distance of their vectors
 * decides: so 8-bit codes cost nothing but the candidates that they lose.
 */
#include "engine/base/hash.h"
#include "engine/node/gather_internal.h"
#include "engine/vector/kernel.h"

enum { KERNEL_LANES = 16 };

static float distance_of(const cg_node *node, const float *vector, uint32_t row) {
    const cg_features *features = node->corpus->features;
    const uint32_t dims = cg_features_dims(features);
    const uint32_t whole = dims / KERNEL_LANES * KERNEL_LANES;
    const float *record = cg_features_row(features, row).dense;
    float dot = cg_kernels_best()->dot_f32(vector, record, whole);
    for (uint32_t d = whole; d < dims; ++d) {
        dot += vector[d] * record[d];
    }
    return 1.0f - dot;
}

/* Inserts by (distance, row) into held[k]. Returns how many are held. */
static uint32_t keep(cg_index_hit *held, uint32_t count, uint32_t k, cg_index_hit hit) {
    cg_shard_hits_merge(held, &count, k, &hit, 1);
    return count;
}

/* The truly nearest concepts, uncharged: how many of the answer's hits are among them. */
static uint32_t audit(const cg_node *node, const float *vector, const cg_index_hit *hits,
                      uint32_t count, bool *agreed) {
    cg_index_hit truth[CG_GATHER_K_MAX] = {{0}};
    const uint32_t k = node->options.gather.k;
    const uint32_t rows = cg_features_count(node->corpus->features);
    uint32_t held = 0;
    for (uint32_t row = 0; row < rows; ++row) {
        float distance = distance_of(node, vector, row);
        if (held < k || distance < truth[held - 1].distance) {
            held = keep(truth, held, k, (cg_index_hit){row, row, distance});
        }
    }
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; ++i) {
        for (uint32_t j = 0; j < held; ++j) {
            right += hits[i].row == truth[j].row;
        }
    }
    *agreed = count > 0 && held > 0 && hits[0].row == truth[0].row;
    return right;
}

static cg_status read_record(cg_node *node, const cg_item *item, uint32_t row,
                             cg_error *error) {
    const cg_space *space = cg_item_space(node, item);
    uint32_t served = 0;
    return cg_tiers_read(node->tiers, cg_node_tier_key(node, space->holdings[0].number, row),
                         cg_features_dims(node->corpus->features) * (uint32_t)sizeof(float),
                         cg_node_record_level(node), &served, &node->outputs->work, error);
}

static uint32_t likeness_q32(float distance) {
    double likeness = 1.0 - (double)distance;
    return likeness <= 0.0   ? 0
           : likeness >= 1.0 ? UINT32_MAX
                             : (uint32_t)(likeness * (double)UINT32_MAX);
}

static cg_status status_of(const cg_gather_outcome *outcome) {
    if (outcome->missing == 0) {
        return outcome->count > 0 ? CG_OK : CG_ERROR_NOT_FOUND;
    }
    return outcome->missing < outcome->asked ? CG_ERROR_PARTIAL : CG_ERROR_TIMEOUT;
}

static cg_status reply_with(cg_node *node, cg_reply *reply, const cg_index_hit *best,
                            uint32_t count, cg_error *error) {
    cg_hasher hasher = cg_hasher_init();
    for (uint32_t i = 0; i < count; ++i) {
        cg_hasher_add_u64(&hasher,
                          (uint64_t)best[i].row << 32 | likeness_q32(best[i].distance));
    }
    reply->digest = cg_hasher_value(&hasher);
    uint8_t *bytes = NULL;
    cg_status status = cg_node_reply_with(node, node->outputs, reply,
                                          (size_t)count * CG_SPREAD_HIT_BYTES, &bytes, error);
    for (uint32_t i = 0; status == CG_OK && i < count; ++i) {
        const cg_answer_hit hit = {.row = best[i].row,
                                   .predecessor = best[i].row,
                                   .activation_q32 = likeness_q32(best[i].distance),
                                   .confidence_q32 = likeness_q32(best[i].distance)};
        cg_answer_hit_write(bytes + (size_t)i * CG_SPREAD_HIT_BYTES, &hit);
    }
    return status;
}

cg_status cg_gather_answer(cg_node *node, const cg_item *item, const cg_gather_outcome *outcome,
                           cg_error *error) {
    const uint32_t k = node->options.gather.k;
    cg_index_hit best[CG_GATHER_K_MAX];
    uint32_t count = 0;
    cg_status status = cg_tune_latency(node, item->arrived_ns, node->now_ns, error);
    for (uint32_t i = 0; status == CG_OK && i < outcome->count; ++i) {
        uint32_t row = outcome->hits[i].row;
        status = read_record(node, item, row, error);
        count = keep(best, count, k,
                     (cg_index_hit){row, row, distance_of(node, outcome->vector, row)});
    }
    if (status != CG_OK) {
        return status;
    }
    cg_work_count(&node->outputs->work, CG_WORK_DISTANCE_F32, outcome->count,
                  (uint64_t)outcome->count * cg_features_dims(node->corpus->features));
    cg_reply reply = {.request_id = item->event.id,
                      .status = status_of(outcome),
                      .host = node->options.host,
                      .request = CG_REQUEST_SEARCH,
                      .slot = CG_SLOT_NONE,
                      .count = count,
                      .hops = outcome->asked,
                      .coverage_q16 = 65536,
                      .missing_hosts = outcome->missing_hosts};
    if (outcome->asked > 0) {
        reply.coverage_q16 =
            (uint32_t)((uint64_t)(outcome->asked - outcome->missing) * 65536 / outcome->asked);
    }
    if (count > 0) {
        reply.winner = best[0].row;
        reply.confidence_q16 = likeness_q32(best[0].distance) >> 16;
    }
    for (; reply.alternative_count < CG_ALTERNATIVES && reply.alternative_count < count;
         ++reply.alternative_count) {
        reply.alternatives[reply.alternative_count] = best[reply.alternative_count].row;
    }
    if (outcome->is_audited) {
        bool agreed = false;
        reply.reached = audit(node, outcome->vector, best, count, &agreed);
        reply.audited = 1;
        reply.agreed = agreed;
    }
    return reply_with(node, &reply, best, count, error);
}
