/* Where a new fact goes: which slot, and which memory tiers (spec B5). */
#include "engine/base/math.h"
#include "engine/node/node_internal.h"

_Static_assert((int)CG_PLACEMENT_NEAR == (int)CG_POOL_NEAR &&
                   (int)CG_PLACEMENT_DENSE == (int)CG_POOL_DENSE &&
                   (int)CG_PLACEMENT_FRESH == (int)CG_POOL_FRESH,
               "placements are numbered alike");

/* How often a fact at this row will be read, judged by how near its target is kept. */
static uint64_t expected_reads(const cg_holding *holding, uint32_t target) {
    static const uint64_t by_level[] = {64, 4};
    const cg_node *node = holding->space->node;
    uint32_t level =
        cg_tiers_where(node->tiers, cg_node_tier_key(node, holding->number, target), 0);
    return level < sizeof by_level / sizeof *by_level ? by_level[level] : 0;
}

static uint32_t q16_of(uint64_t part, uint64_t whole) {
    uint64_t share = whole == 0 ? 0 : cg_mul_div(part, CG_PLACEMENT_ONE, whole);
    return share < CG_PLACEMENT_ONE ? (uint32_t)share : CG_PLACEMENT_ONE;
}

static uint32_t tier_pressure(const cg_node *node) {
    cg_tier_statistics tiers = cg_tiers_statistics(node->tiers);
    uint32_t cached = node->options.tier_levels - 1;
    if (cached == 0) {
        return CG_PLACEMENT_ONE;
    }
    const cg_tier_options *slowest = &node->options.tiers[cached - 1];
    uint64_t held = slowest->bound == CG_CACHE_ENTRIES ? tiers.entries[cached - 1]
                                                       : tiers.size_bytes[cached - 1];
    return q16_of(held, tiers.capacity[cached - 1]);
}

cg_status cg_place_plan(cg_holding *holding, const cg_message_allocate *message,
                        uint32_t target, uint32_t cues, cg_placement_plan *plan,
                        cg_error *error) {
    cg_node *node = holding->space->node;
    const cg_pools *pools = holding->partition.pools;
    uint32_t type = cg_graph_type(holding->partition.graph, target);
    cg_placement_input input = {
        .text_bytes = message->text_bytes,
        .features = message->sparse.count,
        .cues = cues,
        .accesses = expected_reads(holding, target),
        .pool_pressure_q16 = q16_of(cg_pools_statistics_of(pools, type).block_bytes,
                                    cg_pools_quota(pools, type)),
        .tier_pressure_q16 = tier_pressure(node),
        .priority = (uint8_t)message->priority,
    };
    const cg_placement_strategy wanted = node->options.service.placement;
    cg_status status = cg_placement_choose(&input, wanted, plan, error);
    if (status == CG_OK && node->options.spaces > 1) {
        /* What the tiers hold depends on all spaces; the slot, and when slots run out, on this
         * one alone. */
        cg_placement_plan alone;
        input.accesses = 0;
        input.tier_pressure_q16 = 0;
        status = cg_placement_choose(&input, wanted, &alone, error);
        plan->slot = status == CG_OK ? alone.slot : plan->slot;
    }
    if (status == CG_OK) {
        node->statistics.placements[plan->strategy]++;
    }
    return status;
}

cg_status cg_place_fill(cg_holding *holding, const cg_placement_plan *plan, uint32_t target,
                        cg_error *error) {
    cg_node *node = holding->space->node;
    uint32_t last = node->options.tier_levels - 1;
    uint32_t level = plan->tier == CG_PLACEMENT_FILL_L1 ? 0 : cg_node_record_level(node);
    uint64_t key = cg_node_tier_key(node, holding->number,
                                    cg_graph_concept_count(holding->partition.graph) - 1);
    cg_status status = CG_OK;
    for (; plan->tier != CG_PLACEMENT_FILL_NONE && status == CG_OK && level < last; ++level) {
        status = cg_tiers_fill(node->tiers, key, CG_NODE_RECORD_BYTES, level, error);
    }
    if (plan->prefetch && last > 0 && status == CG_OK) {
        status = cg_tiers_fill(node->tiers, cg_node_tier_key(node, holding->number, target),
                               CG_NODE_RECORD_BYTES, 0, error);
    }
    return status;
}

uint64_t cg_place_near(const cg_holding *holding, uint32_t target) {
    return cg_partition_slot(&holding->partition,
                             cg_partition_newest_below(&holding->partition, target));
}
